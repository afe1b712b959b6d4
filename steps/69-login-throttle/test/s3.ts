import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import S3rver from 's3rver';
import type { Test } from 'tap';

/** A server that speaks S3's protocol, with one bucket, until `t` ends. */
export async function startS3(t: Test) {
  const directory = await mkdtemp(join(tmpdir(), 'fanout-s3-'));
  const configureBuckets = [{ name: 'photos', configs: [] }];
  const server = new S3rver({ port: 0, silent: true, directory, configureBuckets });
  const S3_ENDPOINT = `http://127.0.0.1:${(await server.run()).port}`;
  const stop = () => server.close().catch(() => undefined);
  t.teardown(async () => {
    await stop();
    await rm(directory, { recursive: true });
  });
  const keys = { S3_ACCESS_KEY_ID: 'S3RVER', S3_SECRET_ACCESS_KEY: 'S3RVER' };
  const settings = { S3_BUCKET: 'photos', S3_ENDPOINT, S3_PATH_STYLE: true, ...keys };
  const list = async () => {
    const text = await (await fetch(`${S3_ENDPOINT}/photos`)).text();
    return [...text.matchAll(/<Key>(.*?)<\/Key>/g)].map(([, key]) => key);
  };
  return { settings, list, stop };
}
