import { type Peer, type PeerPlace, peerDomain } from './peer.ts'

/** ejabberd of Debian 12, everything in PostgreSQL, no shapers and no other limits, on loopback. */
export const ejabberd: Peer = {
  name: 'ejabberd',
  packages: ['ejabberd', 'erlang-p1-pgsql'],
  proof: '/usr/sbin/ejabberdctl',
  ports: { c2s: 15_222, c2sTls: 15_223, http: 15_280 },
  schemaFile: '/usr/share/ejabberd/sql/pg.sql',
  program: '/usr/bin/erl',
  args: ({ folder }) => [
    ...['-noinput', '+K', 'true', '+P', '1000000', '+Q', '200000'],
    ...['-mnesia', 'dir', `"${folder}/mnesia"`, '-s', 'ejabberd'],
  ],
  environment: ({ folder }) => ({
    ERL_LIBS: '/usr/lib/x86_64-linux-gnu:/usr/lib/aarch64-linux-gnu',
    EJABBERD_CONFIG_PATH: `${folder}/ejabberd.yml`,
    EJABBERD_LOG_PATH: `${folder}/ejabberd.log`,
    HOME: folder,
  }),
  readyText: 'Start accepting TCP connections at 127.0.0.1:15280',
  files: (place) => ({ 'ejabberd.yml': configuration(place) }),
}

function configuration({ ports, database, certificate }: PeerPlace): string {
  const c2s = 'module: ejabberd_c2s, ip: "127.0.0.1", shaper: none, access: all, max_stanza_size: 262144, backlog: 1024'
  return `hosts: ["${peerDomain}"]
loglevel: info
certfiles: ["${certificate}"]
auth_method: sql
auth_password_format: scram
default_db: sql
sql_type: pgsql
sql_server: "${database.host}"
sql_port: ${database.port}
sql_database: "${database.name}"
sql_username: "${database.user}"
sql_password: ""
sql_pool_size: 10
listen:
  - {port: ${ports.c2s}, starttls: true, ${c2s}}
  - {port: ${ports.c2sTls}, tls: true, ${c2s}}
  - {port: ${ports.http}, module: ejabberd_http, ip: "127.0.0.1", request_handlers: {/xmpp-websocket: ejabberd_http_ws, /http-bind: mod_bosh}}
disable_sasl_mechanisms: ["digest-md5", "X-OAUTH2"]
shaper_rules: {max_user_sessions: 20, max_user_offline_messages: 5000}
registration_timeout: infinity
modules:
  mod_disco: {}
  mod_roster: {versioning: true}
  mod_carboncopy: {}
  mod_client_state: {}
  mod_blocking: {}
  mod_privacy: {}
  mod_private: {}
  mod_last: {}
  mod_offline: {access_max_user_messages: max_user_offline_messages}
  mod_mam: {default: always, assume_mam_usage: true}
  mod_caps: {}
  mod_pubsub: {plugins: [flat, pep], force_node_config: {}}
  mod_vcard: {search: false}
  mod_ping: {}
  mod_bosh: {}
  mod_register: {ip_access: all, welcome_message: {}}
  mod_stream_mgmt: {resend_on_timeout: if_offline, resume_timeout: 300}
`
}
