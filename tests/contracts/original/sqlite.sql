-- What the original wrote on SQLite: see write.js
CREATE TABLE "sessions" ("sid" varchar(255), "additional" text, "expire_at" bigint, "user_id" integer, "device" varchar(50), primary key ("sid"));
INSERT INTO "sessions" VALUES('plain','{"cookie":{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"},"cart":[1,2.5,"tea",null,true]}',2741715642354,42,'mobile');
INSERT INTO "sessions" VALUES('aBc','{"cookie":{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"}}',2741715642383,1,NULL);
INSERT INTO "sessions" VALUES('absent','{"cookie":{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"}}',2741715642405,NULL,NULL);
INSERT INTO "sessions" VALUES('null','{"theme":null}',2741715642424,NULL,NULL);
INSERT INTO "sessions" VALUES('names','{"revision":7,"created_at":"2020-01-01","additional":"x"}',2741715642450,NULL,NULL);
INSERT INTO "sessions" VALUES('dollar','{"filter":{"price":{"$gt":5}},"all":{"$in":[1,{"$lt":2}]}}',2741715642466,NULL,NULL);
INSERT INTO "sessions" VALUES('root','{"$gt":5}',2741715642490,NULL,NULL);
INSERT INTO "sessions" VALUES('tags','{"update":{"$set":{"a":1}},"day":{"$date":"2020-01-01T00:00:00Z"}}',2741715642506,NULL,NULL);
INSERT INTO "sessions" VALUES('text','{"name":"Zoë 😀  ","nul":3}',2741715642522,NULL,NULL);
CREATE INDEX "sessions_expire_at_index" on "sessions" ("expire_at");
