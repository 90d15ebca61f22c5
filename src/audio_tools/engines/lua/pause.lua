-- Extends the shared pause to at least ARGV[1] ms.
if redis.call('PTTL', KEYS[1] .. 'pause') < tonumber(ARGV[1]) then
  redis.call('SET', KEYS[1] .. 'pause', 1, 'PX', ARGV[1])
end
