import sharp from 'sharp';
import { type Api, ApiRefusal, type File } from '../api.ts';
import type { FanOutView } from '../fan-out.ts';
import { type Cast, toLine } from './example.ts';
import { heading, many, printTable } from './print.ts';

/** Where the pictures claim to have been taken. */
const WEST_LAKE = {
  GPSLatitudeRef: 'N',
  GPSLatitude: '30/1 15/1 0/1',
  GPSLongitudeRef: 'E',
  GPSLongitude: '120/1 8/1 0/1',
};

const AVATAR = { name: 'me.jpg', width: 1_200, height: 1_600 };
const PHOTOS = [
  { name: 'lake.jpg', width: 3_000, height: 2_000 },
  { name: 'tea.jpg', width: 800, height: 600 },
];

/** An avatar, a post with photos, and a file that is no photo. */
export async function playPictures(api: Api, person: Cast, view: FanOutView): Promise<void> {
  heading('An avatar and two photos');
  const [author, reader] = [person('huangrong'), person('guojing')];
  const [avatar, ...photos] = await Promise.all([AVATAR, ...PHOTOS].map(makeJpeg));
  if (!avatar) return;
  await api.changeAvatar(author, avatar);
  const { id } = await api.post(author, '西湖的傍晚', photos);
  await view.delivered([id]);

  // What is fetched is what another person finds in the feed.
  const { items } = await api.feed(reader, { limit: 1 });
  const [tweet] = items;
  if (!tweet) return;
  const urls = [tweet.user.avatarUrl ?? '', ...tweet.photos.map(({ url }) => url)];
  const rows: string[][] = [];
  for (const [n, file] of [avatar, ...photos].entries()) {
    const served = await api.image(urls[n] ?? '');
    rows.push([file.name, await describe(file.bytes), await describe(served)]);
  }
  console.log(`In the feed of 郭靖: ${toLine(tweet)} (${many(tweet.photos.length, 'photo')})`);
  printTable(['file', 'as it was sent', 'as it is served'], rows);
  const page = { name: 'cat.jpg', type: 'image/jpeg', bytes: Buffer.from('<h1>No cat</h1>') };
  const refusal = await api.post(author, '猫', [page]).catch((error) => error);
  if (!(refusal instanceof ApiRefusal)) throw new Error('A page of HTML became a photo.');
  console.log(`A page of HTML called ${page.name}: ${refusal.status} ${refusal.code}.`);
}

/** A JPEG as a phone makes it: colours that run into each other, and the place in its EXIF. */
async function makeJpeg({ name, width, height }: typeof AVATAR): Promise<File> {
  const corners = Buffer.from([255, 120, 60, 250, 200, 90, 40, 60, 120, 20, 30, 80]);
  const bytes = await sharp(corners, { raw: { width: 2, height: 2, channels: 3 } })
    .resize(width, height, { fit: 'fill', kernel: 'cubic' })
    .withExif({ IFD3: WEST_LAKE })
    .jpeg()
    .toBuffer();
  return { name, type: 'image/jpeg', bytes };
}

async function describe(bytes: Buffer): Promise<string> {
  const { format, width, height, exif } = await sharp(bytes).metadata();
  const place = exif ? 'says where it was taken' : 'does not say where';
  return `${format} ${width} × ${height}, ${Math.ceil(bytes.length / 1024)} KB, ${place}`;
}
