-- Creates a record; returns {1, job}, or {0, job} of the one with this key or id.
local id, digest, key, data = unpack(ARGV)
local known = digest ~= '' and redis.call('HGET', records .. 'keys', digest)
if not known and redis.call('EXISTS', records .. 'job:' .. id) == 1 then known = id end
if known then return {0, flat(known)} end
create(id, 'waiting', key, data)
if digest ~= '' then
  redis.call('HSET', records .. 'keys', digest, id)
  set(id, 'digest', digest)
end
return {1, flat(id)}
