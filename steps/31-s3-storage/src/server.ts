import closeWithGrace from 'close-with-grace';
import { buildApp } from './app.ts';
import { configOrExit } from './config.ts';

const config = configOrExit();
const app = await buildApp({ config, logger: { level: config.LOG_LEVEL } });

// Requests that are under way may take ten more seconds after the signal.
closeWithGrace({ delay: 10_000, logger: app.log }, async ({ err, signal }) => {
  if (err) app.log.fatal(err);
  else app.log.info(`${signal} received: draining`);
  await app.close();
});

await app.listen({ host: config.HOST, port: config.PORT });
