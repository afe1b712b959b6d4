// Loaded before each test file (`node-arg` in package.json). tap records by NODE_OPTIONS which files
// every Node below a test loads. Nobody reads that here, and it costs each of the some hundred
// processes that these tests start up to a third of its time.
delete process.env.NODE_OPTIONS;
