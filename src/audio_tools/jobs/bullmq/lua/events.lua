-- Returns {state, events}: the next events after an id; all stored events if the id is unknown.
local id, after, count = unpack(ARGV)
local fields = redis.call('HMGET', records .. 'job:' .. id, 'state', 'last_event')
if not fields[1] then return {'', {}} end
local from = '-'
if after ~= '' then
  local ms, seq = string.match(after, '(%d+)-(%d+)')
  local last_ms, last_seq = string.match(fields[2], '(%d+)-(%d+)')
  ms, seq, last_ms, last_seq = tonumber(ms), tonumber(seq), tonumber(last_ms), tonumber(last_seq)
  -- An unknown event id is from an earlier store: replay everything.
  if ms < last_ms or ms == last_ms and seq <= last_seq then from = '(' .. after end
end
return {fields[1], redis.call('XRANGE', records .. 'events:' .. id, from, '+', 'COUNT', count)}
