// A worker entry that cannot be loaded.
throw new Error('this worker cannot load');
