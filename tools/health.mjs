/** Ends with 0 when the server of this container is alive; the HEALTHCHECK of the Dockerfile. */
const port = process.env.PORT || '8080';
const host = (process.env.HOST || '127.0.0.1').replace(/^(0\.0\.0\.0|\[?::\]?)$/, '127.0.0.1');
const address = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;

const isAlive = await fetch(`http://${address}:${port}/health/live`, { signal: AbortSignal.timeout(4_000) }).then(
  ({ ok }) => ok,
  () => false,
);
process.exitCode = isAlive ? 0 : 1;
