// `health` and `ready` of the image: asks this container's service, ends with 0 or 1.
const path = process.argv[2] === 'ready' ? '/readyz' : '/healthz'
const port = Number(process.env.STARLING_PORTS_HTTP || 5280) + Number(process.env.STARLING_PORT_OFFSET || 0)

try {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(2_500) })
  if (!response.ok) console.error(await response.text())
  process.exit(response.ok ? 0 : 1)
} catch (error) {
  console.error(`${path} at port ${port}: ${error.cause?.message ?? error.message}`)
  process.exit(1)
}
