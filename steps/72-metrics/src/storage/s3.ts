import type { Readable } from 'node:stream';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  NoSuchKey,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { createPresignedPost } from '@aws-sdk/s3-presigned-post';
import type { PresignedForm, Storage } from './storage.ts';

/** Keeps files in a bucket of Amazon S3, or of anything that speaks its protocol. */
export class S3Storage implements Storage {
  readonly #client: S3Client;
  readonly #bucket: string;

  constructor(client: S3Client, bucket: string) {
    this.#client = client;
    this.#bucket = bucket;
  }

  /** S3 itself shows an object only when all of it has arrived. */
  async put(name: string, bytes: Buffer): Promise<void> {
    const object = { Bucket: this.#bucket, Key: name, Body: bytes, ContentType: 'image/webp' };
    await this.#client.send(new PutObjectCommand(object));
  }

  async get(name: string): Promise<Readable | undefined> {
    try {
      const object = { Bucket: this.#bucket, Key: name };
      const { Body } = await this.#client.send(new GetObjectCommand(object));
      return Body as Readable;
    } catch (error) {
      if (error instanceof NoSuchKey) return undefined;
      throw error;
    }
  }

  async presign(name: string, type: string, size: number, until: Date): Promise<PresignedForm> {
    return createPresignedPost(this.#client, {
      Bucket: this.#bucket,
      Key: name,
      Fields: { 'Content-Type': type },
      Conditions: [['content-length-range', size, size]],
      Expires: Math.floor((until.getTime() - Date.now()) / 1000),
    });
  }

  async delete(name: string): Promise<void> {
    await this.#client.send(new DeleteObjectCommand({ Bucket: this.#bucket, Key: name }));
  }
}
