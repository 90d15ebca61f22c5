-- Returns the id of the folder that all processes share; the first process sets it.
redis.call('SET', records .. 'folder', ARGV[1], 'NX')
return redis.call('GET', records .. 'folder')
