-- What the original wrote on PostgreSQL: see write.js
CREATE TABLE sessions (
    sid character varying(255) NOT NULL,
    additional text,
    expire_at bigint,
    user_id integer,
    device character varying(50)
);
INSERT INTO sessions VALUES ('plain', '{"cookie":{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"},"cart":[1,2.5,"tea",null,true]}', 2741715605590, 42, 'mobile');
INSERT INTO sessions VALUES ('aBc', '{"cookie":{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"}}', 2741715605613, 1, NULL);
INSERT INTO sessions VALUES ('absent', '{"cookie":{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"}}', 2741715605645, NULL, NULL);
INSERT INTO sessions VALUES ('null', '{"theme":null}', 2741715605659, NULL, NULL);
INSERT INTO sessions VALUES ('names', '{"revision":7,"created_at":"2020-01-01","additional":"x"}', 2741715605676, NULL, NULL);
INSERT INTO sessions VALUES ('dollar', '{"filter":{"price":{"$gt":5}},"all":{"$in":[1,{"$lt":2}]}}', 2741715605686, NULL, NULL);
INSERT INTO sessions VALUES ('root', '{"$gt":5}', 2741715605696, NULL, NULL);
INSERT INTO sessions VALUES ('tags', '{"update":{"$set":{"a":1}},"day":{"$date":"2020-01-01T00:00:00Z"}}', 2741715605718, NULL, NULL);
INSERT INTO sessions VALUES ('text', '{"name":"Zoë 😀  ","nul":3}', 2741715605726, NULL, NULL);
ALTER TABLE ONLY sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (sid);
CREATE INDEX sessions_expire_at_index ON sessions USING btree (expire_at);
