// Loaded before an app that the course tool starts (`node --import`). It ends the app when the tool
// is gone without having been able to stop it (a closed terminal, SIGKILL), and it lets the tool ask
// for a drain on Windows, which has no signals.

const drain = () => {
  if (!process.emit('SIGTERM', 'SIGTERM')) process.exit(0);
};

process.once('disconnect', drain);
process.on('message', (message) => {
  if (message === 'drain') drain();
});
// The channel to the tool must not keep the app alive.
process.channel?.unref();
