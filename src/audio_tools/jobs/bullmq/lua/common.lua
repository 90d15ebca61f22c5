-- The beginning of every script on the job records in Redis; each script is atomic.
--
-- KEYS are the prefixes of the records and of BullMQ's keys. Keys of the records, by the id of a job:
--
--     job:ID        hash    the job; its `token` names the attempt that holds it, `reported` counts its reports
--     events:ID     stream  its log
--     reports:ID    list    which entries of the log are reports of the running attempt, but for its progress
--
-- and for all of them
--
--     all           zset    ids by number, and `in:STATE` the same for each state
--     ended         zset    ids by the time they ended
--     keys          hash    idempotency keys (their digests) and the ids of their jobs
--     number        counter of the jobs
--     folder        which folder all processes share
--     changes       channel that carries the type of each event and the id of its job
--
-- Of BullMQ's keys the scripts read a job's hash, `active` and the list or set of each waiting state, and write
-- `ID:lock`, `stalled` and `stalled-check` as BullMQ's own scripts do.
--
-- A script of an attempt (begin, report, finish, release) is repeated if its reply was lost with the
-- connection, and must then change nothing.

local records, bull = KEYS[1], KEYS[2]
local clock = redis.call('TIME')
local now = string.format('%d.%06d', clock[1], clock[2])
local TERMINAL = {completed = true, failed = true, cancelled = true}

local function flat(id)
  return redis.call('HGETALL', records .. 'job:' .. id)
end

local function load(id)
  local fields, job = flat(id), {}
  if #fields == 0 then return nil end
  for i = 1, #fields, 2 do job[fields[i]] = fields[i + 1] end
  return job
end

local function set(id, ...)
  redis.call('HSET', records .. 'job:' .. id, ...)
end

local function store_event(id, type, payload)
  local event = redis.call('XADD', records .. 'events:' .. id, '*', 'type', type, 'payload', payload)
  set(id, 'last_event', event)
  redis.call('PUBLISH', records .. 'changes', type .. ' ' .. id)
  return event
end

local function move(id, job, state)
  redis.call('ZREM', records .. 'in:' .. job.state, id)
  redis.call('ZADD', records .. 'in:' .. state, job.number, id)
  set(id, 'state', state)
  job.state = state
end

local function create(id, state, key, data)
  local number = redis.call('INCR', records .. 'number')
  set(id, 'number', number, 'id', id, 'state', state, 'key', key, 'data', data, 'created_at', now,
    'progress', '0.0', 'report', '{}', 'attempts', 0, 'crashes', 0, 'cancel', 0, 'reported', 0)
  redis.call('ZADD', records .. 'all', number, id)
  redis.call('ZADD', records .. 'in:' .. state, number, id)
  store_event(id, state, '{}')
end

-- A job that another producer added to BullMQ gets its record on first sight.
local function adopt(id)
  local key = bull .. id
  if not string.match(id, '^[%w_-]+$') or #id > 128 then return nil end
  if redis.call('TYPE', key).ok ~= 'hash' then return nil end
  local data = redis.call('HGET', key, 'data')
  if not data or redis.call('HEXISTS', key, 'finishedOn') == 1 then return nil end
  -- The data of a record is always an object.
  if not string.match(data, '^%s*{') then data = '{"data":' .. data .. '}' end
  create(id, redis.call('ZSCORE', bull .. 'delayed', id) and 'delayed' or 'waiting', '', data)
  return load(id)
end

local function drop_reports(id, job)
  local log, list = records .. 'events:' .. id, records .. 'reports:' .. id
  for _, event in ipairs(redis.call('LRANGE', list, 0, -1)) do redis.call('XDEL', log, event) end
  redis.call('DEL', list)
  if job.progress_event then
    redis.call('XDEL', log, job.progress_event)
    redis.call('HDEL', records .. 'job:' .. id, 'progress_event')
  end
end

local function finish(id, job, state, result, failure)
  if job.cancel == '1' then state = 'cancelled' end   -- the client was told that the job will be cancelled
  local payload = '{}'
  if state == 'completed' then
    set(id, 'result', result, 'progress', '100.0')
    payload = '{"result":' .. result .. '}'
  elseif state == 'failed' then
    set(id, 'error', failure)
    payload = '{"error":' .. failure .. '}'
  end
  set(id, 'finished_at', now)
  move(id, job, state)
  redis.call('ZADD', records .. 'ended', now, id)
  store_event(id, state, payload)
end

local function give_back(id, job)
  if job.cancel == '1' then return finish(id, job, 'cancelled') end
  move(id, job, 'waiting')
  store_event(id, 'waiting', '{}')
end

local function crash(id, job, limit, failure)
  if redis.call('HINCRBY', records .. 'job:' .. id, 'crashes', 1) >= tonumber(limit) then
    finish(id, job, 'failed', '', failure)
  else
    give_back(id, job)
  end
end

-- Renew an expired lock unless another worker got the job, so that work survives an outage.
local function keep_lock(id, token, lock_ms)
  local lock = bull .. id .. ':lock'
  local owner = redis.call('GET', lock)
  if owner and owner ~= token then return end
  if not owner and not redis.call('LPOS', bull .. 'active', id) then return end
  redis.call('SET', lock, token, 'PX', lock_ms)
  redis.call('SREM', bull .. 'stalled', id)
end
