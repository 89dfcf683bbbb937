export { type RedisPresenceOptions, redisPresence } from './presence.ts'
