-- Appends messages to a channel's stream and publishes them to listeners: all of them or none.
--
-- KEYS[1]: the stream. ARGV: the channel, the epoch, the number of the first message, the length of the stream, the last
-- number that was published before, the messages. It answers {result, epoch, number}; epoch and number are those of the
-- stream's last entry before the call. The result is 0 if the messages are in the stream now, 1 if earlier ones are
-- missing, 2 if the stream has a later epoch.
local channel = ARGV[1]
local epoch = tonumber(ARGV[2])
local first = tonumber(ARGV[3])
local most = ARGV[4]
local announced = tonumber(ARGV[5])

local last_epoch = 0
local last = 0
if redis.call('EXISTS', KEYS[1]) == 1 then
  local info = redis.call('XINFO', 'STREAM', KEYS[1])
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then
      local e, s = string.match(info[i + 1], '^(%d+)-(%d+)$')
      last_epoch, last = tonumber(e), tonumber(s)
    end
  end
end

if last_epoch > epoch then
  return {2, last_epoch, last}
end

local have = last
if last_epoch < epoch then
  have = 0 -- the epoch begins with number 1
end
if have < first - 1 then
  return {1, last_epoch, last}
end

for i = 6, #ARGV do
  local number = first + i - 6
  if number > have then -- otherwise it is repeated
    redis.call('XADD', KEYS[1], 'MAXLEN', '~', most, string.format('%.0f-%.0f', epoch, number), 'event', ARGV[i])
    if number > announced then
      redis.call('PUBLISH', channel, ARGV[i])
    end
  end
end
return {0, last_epoch, last}
