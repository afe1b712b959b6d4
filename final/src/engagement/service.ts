import type { Comment } from '../comments/schemas.ts';
import type { LikeService } from '../likes/service.ts';
import type { Beside, Wanted } from '../lists/lists.ts';
import type { Tweet } from '../tweets/schemas.ts';
import type { Counters } from './counters.ts';
import type { CommentView, TweetView } from './schemas.ts';

/** What people did with tweets and comments: one statement a fact, however many are shown. */
export class EngagementService {
  readonly #likes: LikeService;
  readonly #counters: Counters;

  constructor(likes: LikeService, counters: Counters) {
    this.#likes = likes;
    this.#counters = counters;
  }

  /** What a list of tweets shall read beside its ids, so that `ofTweets` need not ask. */
  async wanted(viewerId: string): Promise<Wanted | undefined> {
    const likes = await this.#likes.wanted('tweet', viewerId);
    return likes && { ...likes, key: this.#counters.keysOf('tweet') };
  }

  /** These tweets as the viewer sees them. */
  async ofTweets(tweets: Tweet[], viewerId?: string, beside?: Beside): Promise<TweetView[]> {
    const ids = tweets.map(({ id }) => id);
    const [countsOf, liked] = await Promise.all([
      this.#counters.of('tweet', ids, beside?.values),
      this.#likes.liked('tweet', ids, viewerId, beside),
    ]);
    const view = ({ id }: Tweet) => ({ ...countsOf(id), hasLiked: liked.has(id) });
    return tweets.map((tweet) => ({ ...tweet, ...view(tweet) }));
  }

  /** One tweet as the viewer sees it. */
  async ofTweet(tweet: Tweet, viewerId?: string): Promise<TweetView> {
    const [view] = await this.ofTweets([tweet], viewerId);
    return view as TweetView;
  }

  /** These comments as the viewer sees them. */
  async ofComments(comments: Comment[], viewerId?: string): Promise<CommentView[]> {
    const ids = comments.map(({ id }) => id);
    const [countsOf, liked] = await Promise.all([
      this.#counters.of('comment', ids),
      this.#likes.liked('comment', ids, viewerId),
    ]);
    const view = ({ id }: Comment) => ({ ...countsOf(id), hasLiked: liked.has(id) });
    return comments.map((comment) => ({ ...comment, ...view(comment) }));
  }

  /** One comment as the viewer sees it. */
  async ofComment(comment: Comment, viewerId?: string): Promise<CommentView> {
    const [view] = await this.ofComments([comment], viewerId);
    return view as CommentView;
  }
}
