-- What the original wrote on MariaDB: see write.js
CREATE TABLE `sessions` (
  `sid` varchar(255) NOT NULL,
  `additional` text DEFAULT NULL,
  `expire_at` bigint(20) DEFAULT NULL,
  `user_id` int(11) DEFAULT NULL,
  `device` varchar(50) DEFAULT NULL,
  PRIMARY KEY (`sid`),
  KEY `sessions_expire_at_index` (`expire_at`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
INSERT INTO `sessions` VALUES ('aBc','{\"cookie\":{\"originalMaxAge\":null,\"expires\":null,\"httpOnly\":true,\"path\":\"/\"}}',2741715624219,1,NULL);
INSERT INTO `sessions` VALUES ('absent','{\"cookie\":{\"originalMaxAge\":null,\"expires\":null,\"httpOnly\":true,\"path\":\"/\"}}',2741715624226,NULL,NULL);
INSERT INTO `sessions` VALUES ('dollar','{\"filter\":{\"price\":{\"$gt\":5}},\"all\":{\"$in\":[1,{\"$lt\":2}]}}',2741715624246,NULL,NULL);
INSERT INTO `sessions` VALUES ('names','{\"revision\":7,\"created_at\":\"2020-01-01\",\"additional\":\"x\"}',2741715624243,NULL,NULL);
INSERT INTO `sessions` VALUES ('null','{\"theme\":null}',2741715624236,NULL,NULL);
INSERT INTO `sessions` VALUES ('plain','{\"cookie\":{\"originalMaxAge\":null,\"expires\":null,\"httpOnly\":true,\"path\":\"/\"},\"cart\":[1,2.5,\"tea\",null,true]}',2741715624190,42,'mobile');
INSERT INTO `sessions` VALUES ('root','{\"$gt\":5}',2741715624258,NULL,NULL);
INSERT INTO `sessions` VALUES ('tags','{\"update\":{\"$set\":{\"a\":1}},\"day\":{\"$date\":\"2020-01-01T00:00:00Z\"}}',2741715624261,NULL,NULL);
INSERT INTO `sessions` VALUES ('text','{\"name\":\"Zoë 😀  \",\"nul\":3}',2741715624282,NULL,NULL);
