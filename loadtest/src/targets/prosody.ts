import { type Peer, type PeerPlace, peerDomain } from './peer.ts'

/** Prosody of Debian 12, everything in PostgreSQL, no limits, on loopback; its garbage collector generational, which is its best. */
export const prosody: Peer = {
  name: 'prosody',
  packages: ['prosody', 'lua-dbi-postgresql', 'lua-event'],
  proof: '/usr/bin/prosody',
  ports: { c2s: 25_222, c2sTls: 25_223, http: 25_280 },
  schemaFile: '',
  program: '/usr/bin/prosody',
  args: ({ folder }) => ['-F', '--config', `${folder}/prosody.cfg.lua`],
  environment: ({ folder }) => ({ HOME: folder }),
  readyText: "Activated service 'http'",
  files: (place) => ({ 'prosody.cfg.lua': configuration(place) }),
}

function configuration({ folder, ports, database, certificate, key }: PeerPlace): string {
  return `run_as_root = true
daemonize = false
pidfile = "${folder}/prosody.pid"
data_path = "${folder}"
log = { { levels = { min = "info" }, to = "console" } }
interfaces = { "127.0.0.1" }
c2s_ports = { ${ports.c2s} }
c2s_direct_tls_ports = { ${ports.c2sTls} }
s2s_ports = { }
s2s_direct_tls_ports = { }
http_interfaces = { "127.0.0.1" }
http_ports = { ${ports.http} }
https_ports = { }
http_paths = { websocket = "/xmpp-websocket"; bosh = "/http-bind" }
consider_websocket_secure = true
network_backend = "epoll"
gc = { mode = "generational" }
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
authentication = "internal_hashed"
storage = "sql"
sql = { driver = "PostgreSQL", database = "${database.name}", username = "${database.user}", password = "", host = "${database.host}", port = ${database.port} }
sql_manage_tables = true
allow_registration = true
registration_throttle_max = nil
archive_expires_after = "never"
default_archive_policy = true
smacks_hibernation_time = 300
ssl = { certificate = "${certificate}", key = "${key}" }
modules_enabled = {
  "roster", "saslauth", "tls", "disco", "carbons", "pep", "private", "blocklist", "vcard4", "vcard_legacy",
  "time", "uptime", "ping", "register", "mam", "smacks", "csi", "offline", "bosh", "websocket", "http",
}
modules_disabled = { "s2s" }
VirtualHost "${peerDomain}"
`
}
