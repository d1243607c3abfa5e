-- Counts one attempt on each of some counters, or on none if one of them must wait; returns the longest wait.
-- The rule is that of core/throttling.py. Instants and durations are in microseconds.
--
-- KEYS  since when counts are kept; the counters
-- ARGV  now; for how long after the first key a counter that is not known may have lost something;
--       of each counter: how many attempts it begins with then, free attempts, first delay, longest delay, when it is
--       forgotten, in what time one attempt leaks (0: never), its limit (0: none), which of the counters spares it
--       (0: none), and below how many

local NUMBERS = 9
local now, recovery = tonumber(ARGV[1]), tonumber(ARGV[2])

redis.call('SET', KEYS[1], ARGV[1], 'NX')
local is_recovering = math.abs(now - redis.call('GET', KEYS[1])) < recovery

local function rule_of(i)
  local rule = {}
  for place = 1, NUMBERS do
    rule[place] = tonumber(ARGV[2 + NUMBERS * (i - 1) + place])
  end
  return unpack(rule)
end

-- Returns how many are counted now, how long that is to be waited for, and how long until nothing is left of it.
local function current(key, i)
  local after_loss, free, first_delay, longest_delay, forget_after, leak = rule_of(i)
  local attempts, last_at, not_before, forget_at =
    unpack(redis.call('HMGET', key, 'attempts', 'last_at', 'not_before', 'forget_at'))
  local left = attempts and math.min(forget_at - now, forget_at - last_at)
  if attempts and now < tonumber(forget_at) and left >= 0 then
    local wait = math.min(not_before - now, not_before - last_at)
    if leak > 0 then
      return (left + (-left) % leak) / leak, wait, left
    end
    return tonumber(attempts), wait, left
  end
  attempts = is_recovering and after_loss or 0
  return attempts, 0, attempts * leak
end

local attempts, waits, left = {}, {}, {}
for i = 1, #KEYS - 1 do
  attempts[i], waits[i], left[i] = current(KEYS[i + 1], i)
end

local longest_wait = 0
for i = 1, #KEYS - 1 do
  local _, _, _, _, _, _, _, spared_by, spared_below = rule_of(i)
  if spared_by == 0 or attempts[spared_by] >= spared_below then
    longest_wait = math.max(longest_wait, waits[i])
  end
end
if longest_wait > 0 then
  return longest_wait
end

for i = 1, #KEYS - 1 do
  local _, free, first_delay, longest_delay, forget_after, leak, limit = rule_of(i)
  local count = attempts[i] + 1
  local delay = 0
  if limit > 0 and count >= limit then
    delay = forget_after
  elseif count >= free then
    delay = math.min(first_delay * 2 ^ (count - free), longest_delay)
  end
  local kept = leak > 0 and left[i] + leak or forget_after
  redis.call('HSET', KEYS[i + 1], 'attempts', count, 'last_at', now, 'not_before', now + delay,
             'forget_at', now + kept)
  redis.call('PEXPIRE', KEYS[i + 1], math.ceil(kept / 1000))
end
return 0
