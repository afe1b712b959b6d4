import type { Graph } from './graph.ts';
import type { Post } from './posts.ts';
import { pick, randomFrom } from './random.ts';

/** What people did with a post, in the order in which they did it. */
export interface Engagement {
  comments: { author: number; content: string }[];
  /** Of the post, or of the comment at the place `on`. */
  likes: { user: number; on?: number }[];
}

/** No post has more: so the ids of what is on a post can be told from the post's number. */
export const MAX_COMMENTS = 4;
export const MAX_LIKES = 16;

/** Other numbers than those of which the posts are made. */
const STREAM = 1_000_000_000;

/**
 * Makes up comments and likes of an author's followers: those on number `index` are the same
 * whenever and in whatever order they are asked for.
 */
export function engagementFor(graph: Graph): (index: number, post: Post) => Engagement {
  const followers = followersOfAll(graph);
  return (index, { author, content }) => {
    const readers = followers[author] ?? [];
    const random = randomFrom(STREAM + index);
    if (readers.length === 0) return { comments: [], likes: [] };
    const texts = /\p{Script=Han}/u.test(content) ? CHINESE : ENGLISH;
    const comments = times(MAX_COMMENTS + 1, random, () => ({
      author: pick(readers, random),
      content: pick(texts, random),
    }));
    const mostLikes = Math.min(readers.length, MAX_LIKES - MAX_COMMENTS) + 1;
    const likers = new Set(times(mostLikes, random, () => pick(readers, random)));
    // Authors like some of what they are told, but not what they have said themselves.
    const liked = comments.flatMap((_, on) => (random() < 1 / 3 ? [{ user: author, on }] : []));
    return { comments, likes: [...[...likers].map((user) => ({ user })), ...liked] };
  };
}

/** The followers of everybody, by number. */
function followersOfAll({ people, edges }: Graph): number[][] {
  const followers: number[][] = Array.from({ length: people }, () => []);
  for (const [a, b] of edges) {
    followers[a]?.push(b);
    followers[b]?.push(a);
  }
  return followers;
}

/** Less than `below` of them; few more often than many. */
function times<T>(below: number, random: () => number, make: () => T): T[] {
  return Array.from({ length: Math.floor(below * random() ** 4) }, make);
}

const ENGLISH = [
  'Same here!',
  'Tell me more when we meet.',
  'I had no idea.',
  'Who else is coming?',
  'This made my day 😄',
  'Count me in.',
  'Again?',
  'Photos, please!',
  'I would have done the same.',
  'Not in my part of town.',
  'Good for you 👏',
  'My sister says the opposite.',
];

const CHINESE = [
  '我也是!',
  '下次叫上我。',
  '真的假的?',
  '哈哈哈 😄',
  '同感。',
  '求照片!',
  '算我一个。',
  '注意身体 👍',
];
