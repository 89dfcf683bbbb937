import type { DriverSettings } from './driver.ts'
import { platformaticSecurity } from './security.ts'

/** Options that every client of @platformatic/kafka is made with. */
export function platformaticOptions(settings: DriverSettings): {
  clientId: string
  bootstrapBrokers: string[]
  connectTimeout: number
  requestTimeout: number
  timeout: number
  retryDelay: number
  autocreateTopics: false
} & ReturnType<typeof platformaticSecurity> {
  return {
    clientId: settings.clientId,
    bootstrapBrokers: [...settings.brokers],
    connectTimeout: 3000,
    requestTimeout: settings.requestTimeoutMs,
    timeout: settings.requestTimeoutMs,
    retryDelay: 200,
    autocreateTopics: false,
    ...platformaticSecurity(settings.security),
  }
}
