import closeWithGrace from 'close-with-grace';
import { buildApp } from './app.ts';
import { configOrExit } from './config.ts';
import { scheduleMaintenance } from './maintenance/jobs.ts';

const config = configOrExit();
const app = await buildApp({ worker: true, config, logger: { level: config.LOG_LEVEL } });

// Jobs that are under way may take ten more seconds after the signal.
closeWithGrace({ delay: 10_000, logger: app.log }, async ({ err, signal }) => {
  if (err) app.log.fatal(err);
  else app.log.info(`${signal} received: draining`);
  await app.close();
});

// A server may have died between commit and queue, or the queue have been away.
const polling = setInterval(() => app.outbox.relay(), 1_000);
app.addHook('onClose', async () => clearInterval(polling));

await app.ready();
await scheduleMaintenance(app);
app.log.info('The worker is ready');
