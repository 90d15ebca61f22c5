-- Writes a value, to check that jobs can be stored.
redis.call('SET', records .. 'checked', now)
