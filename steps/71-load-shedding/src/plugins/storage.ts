import { S3Client } from '@aws-sdk/client-s3';
import fp from 'fastify-plugin';
import type { Config } from '../config.ts';
import { DiskStorage } from '../storage/disk.ts';
import { S3Storage } from '../storage/s3.ts';
import type { Storage } from '../storage/storage.ts';

declare module 'fastify' {
  interface FastifyInstance {
    storage: Storage;
  }
}

/** `app.storage`: where uploads are kept: in a bucket if one is configured, else in a folder. */
export const storagePlugin = fp<Config>(async (app, config) => {
  if (config.S3_BUCKET === undefined) {
    app.decorate('storage', new DiskStorage(config.UPLOADS_DIR));
    return;
  }
  const client = openS3(config);
  app.decorate('storage', new S3Storage(client, config.S3_BUCKET));
  app.addHook('onClose', async () => client.destroy());
});

/** Without keys in the configuration the SDK looks for a role, as machines in the cloud have one. */
function openS3(config: Config): S3Client {
  const { S3_ENDPOINT, S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY } = config;
  return new S3Client({
    region: config.S3_REGION,
    forcePathStyle: config.S3_PATH_STYLE,
    ...(S3_ENDPOINT && { endpoint: S3_ENDPOINT }),
    ...(S3_ACCESS_KEY_ID &&
      S3_SECRET_ACCESS_KEY && {
        credentials: { accessKeyId: S3_ACCESS_KEY_ID, secretAccessKey: S3_SECRET_ACCESS_KEY },
      }),
    requestHandler: {
      ...{ connectionTimeout: 2_000, requestTimeout: 10_000, socketTimeout: 10_000 },
      throwOnRequestTimeout: true,
    },
  });
}
