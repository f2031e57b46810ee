// The sessions of sqlite.sql, postgresql.sql and mariadb.sql, written by the original on Node.
//
//     npm install knex-schema-session-store@0.6.0 knex@0.12.9 pg@8 mysql@2 sqlite3
//     node write.js sqlite      && sqlite3 original.db .dump
//     node write.js postgresql  && pg_dump --inserts -t sessions test
//     node write.js mariadb     && mysqldump --compact --skip-extended-insert test sessions
//
// Then statements that name a schema, an owner or a setting were taken out.
const Store = require('knex-schema-session-store').default;
const Store = require('knex-schema-session-store').default || require('knex-schema-session-store').KnexSchemaSessionStore;
const clients = {
  sqlite: { client: 'sqlite3', connection: { filename: 'original.db' }, useNullAsDefault: true },
  postgresql: { client: 'pg', connection: { host: '127.0.0.1', user: 'postgres', database: 'test' } },
  mariadb: { client: 'mysql', connection: { host: '127.0.0.1', user: 'root', database: 'test', charset: 'utf8mb4' } },
};
const knex = require('knex')(clients[process.argv[2]]);
const schemas = [{ name: 'user_id', type: 'integer' }, { name: 'device', type: 'string', args: [50] }];
const store = new Store(knex, { schemas, gc_interval: 2 ** 30, max_age: 30 * 365 * 86400000 });
const cookie = { originalMaxAge: null, expires: null, httpOnly: true, path: '/' };
(async () => {
  await store.wait_for_sync();
  await store.set('plain', { cookie, user_id: 42, device: 'mobile', cart: [1, 2.5, 'tea', null, true] });
  await store.set('aBc', { cookie, user_id: 1 });
  await store.set('absent', { cookie });
  await store.set('null', { user_id: null, device: null, theme: null });
  await store.set('names', { revision: 7, created_at: '2020-01-01', additional: 'x', sid: 'theirs', expire_at: 1 });
  await store.set('dollar', { filter: { price: { $gt: 5 } }, all: { $in: [1, { $lt: 2 }] } });
  await store.set('root', { $gt: 5 });
  await store.set('tags', { update: { $set: { a: 1 } }, day: { $date: '2020-01-01T00:00:00Z' } });
  await store.set('text', { name: 'Zoë 😀 \u2028', nul: 'a\u0000b'.length });
  console.log(JSON.stringify(await knex('sessions').orderBy('sid')));
  process.exit(0);
})().catch(e => { console.error(e); process.exit(1); });
