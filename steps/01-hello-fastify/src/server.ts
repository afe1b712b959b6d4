import closeWithGrace from 'close-with-grace';
import { buildApp } from './app.ts';

const { HOST = '127.0.0.1', PORT = '3000', LOG_LEVEL = 'info' } = process.env;
const app = await buildApp({ logger: { level: LOG_LEVEL } });

// Requests that are under way may take ten more seconds after the signal.
closeWithGrace({ delay: 10_000, logger: app.log }, async ({ err, signal }) => {
  if (err) app.log.fatal(err);
  else app.log.info(`${signal} received: draining`);
  await app.close();
});

await app.listen({ host: HOST, port: Number(PORT) });
