-- Returns the number of jobs in each state.
local counts = {}
for i, state in ipairs(ARGV) do counts[i] = redis.call('ZCARD', records .. 'in:' .. state) end
return counts
