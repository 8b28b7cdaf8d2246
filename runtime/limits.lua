-- Asks many limits in one step. KEYS[i] is what is counted, ARGV[i] how: "strategy cost quota window_us burst lease".
-- ARGV[#KEYS + 1]: how many of them belong to each request, in order. Of one request all let it through and count it, or none
-- counts. A cost of 0 asks whether one more could pass, and counts nothing; below 0 it gives so many leases back.
-- Answers "allowed remaining reset_us retry_us", for each key, apart by spaces.
-- All times are whole microseconds, so that nothing is rounded; reset is when one more may be asked, retry when this may.
-- The line before this script says what time it is: local now = ...

local SLACK_MS = 1000 -- a key outlives what it says by so much

local function keep(key, value, microseconds)
    redis.call('SET', key, value, 'PX', math.ceil(microseconds / 1000) + SLACK_MS)
end

local function numbers(key)
    local text = redis.call('GET', key)
    if not text then return nil end
    local found = {}
    for number in string.gmatch(text, '%S+') do found[#found + 1] = tonumber(number) end
    return found
end

-- A strategy looks at its key and gives: how many are free now, how long until so many are, and how to count some.
local strategies = {}

function strategies.fixed_window(key, quota, window)
    local index = math.floor(now / window)
    local kept = numbers(key)
    local used = kept and kept[1] == index and kept[2] or 0
    local rest = (index + 1) * window - now
    return {
        free = function() return quota - used end,
        wait = function(units) return units <= quota - used and 0 or rest end,
        count = function(cost)
            used = used + cost
            keep(key, string.format('%.0f %.0f', index, used), rest)
        end
    }
end

function strategies.sliding_window_log(key, quota, window)
    redis.call('ZREMRANGEBYSCORE', key, '-inf', string.format('%.0f', now - window))
    local used = redis.call('ZCARD', key)
    return {
        free = function() return quota - used end,
        wait = function(units)
            local leaving = used + units - quota
            if leaving <= 0 then return 0 end
            local moment = redis.call('ZRANGE', key, leaving - 1, leaving - 1, 'WITHSCORES')[2]
            return moment and tonumber(moment) + window - now or window
        end,
        count = function(cost)
            local at = string.format('%.0f', now)
            local same = redis.call('ZCOUNT', key, at, at)
            for number = same + 1, same + cost do redis.call('ZADD', key, at, at .. '.' .. number) end
            redis.call('PEXPIRE', key, math.ceil(window / 1000) + SLACK_MS)
            used = used + cost
        end
    }
end

function strategies.sliding_window_counter(key, quota, window)
    local index = math.floor(now / window)
    local kept = numbers(key)
    local before, used = 0, 0
    if kept and kept[1] == index then
        before, used = kept[2], kept[3]
    elseif kept and kept[1] == index - 1 then
        before = kept[3]
    end
    local rest = (index + 1) * window - now
    return {
        free = function() return math.floor((quota * window - before * rest) / window) - used end,
        wait = function(units)
            local room = quota - units - used
            if room >= 0 then
                -- The share of the last window that still counts must come down to the room.
                if before * rest <= room * window then return 0 end
                return rest - math.floor(room * window / before)
            end
            return rest + math.max(0, window - math.floor((quota - units) * window / used))
        end,
        count = function(cost)
            used = used + cost
            keep(key, string.format('%.0f %.0f %.0f', index, before, used), rest + window)
        end
    }
end

-- A token is worth the window, and each microsecond brings the quota.
function strategies.token_bucket(key, quota, window, burst)
    local kept = numbers(key)
    local full = burst * window
    local level = kept and math.min(full, kept[1] + math.max(0, now - kept[2]) * quota) or full
    return {
        free = function() return math.floor(level / window) end,
        wait = function(units) return math.max(0, math.ceil((units * window - level) / quota)) end,
        count = function(cost)
            level = level - cost * window
            keep(key, string.format('%.0f %.0f', level, now), (full - level) / quota)
        end
    }
end

function strategies.leaky_bucket(key, quota, window, burst)
    local interval = math.ceil(window / quota)
    local kept = numbers(key)
    local due = math.max(kept and kept[1] or now, now)
    return {
        free = function() return burst - math.ceil((due - now) / interval) end,
        wait = function(units) return math.max(0, due - now - interval * (burst - units)) end,
        count = function(cost)
            due = due + interval * cost
            keep(key, string.format('%.0f', due), due - now)
        end
    }
end

function strategies.concurrent(key, quota, window, _, lease)
    redis.call('ZREMRANGEBYSCORE', key, '-inf', string.format('%.0f', now))
    local used = redis.call('ZCARD', key)
    return {
        free = function() return quota - used end,
        wait = function(units)
            local leaving = used + units - quota
            if leaving <= 0 then return 0 end
            local ends = redis.call('ZRANGE', key, leaving - 1, leaving - 1, 'WITHSCORES')[2]
            return ends and tonumber(ends) - now or window
        end,
        count = function(cost)
            for number = 1, cost do redis.call('ZADD', key, string.format('%.0f', now + window), lease .. '.' .. number) end
            redis.call('PEXPIRE', key, math.ceil(window / 1000) + SLACK_MS)
            used = used + cost
        end,
        give_back = function(cost)
            for number = 1, cost do redis.call('ZREM', key, lease .. '.' .. number) end
        end
    }
end

local answers = {}
local first = 1
for size in string.gmatch(ARGV[#KEYS + 1], '%d+') do
    local asked, all = {}, true
    for place = first, first + size - 1 do
        local strategy, cost, quota, window, burst, lease = string.match(ARGV[place], '(%S+) (%S+) (%S+) (%S+) (%S+) ?(%S*)')
        cost, quota = tonumber(cost), tonumber(quota)
        local limit = strategies[strategy](KEYS[place], quota, tonumber(window), tonumber(burst), lease)
        limit.cost, limit.most = cost, tonumber(burst)
        limit.retry = cost >= 0 and limit.wait(math.max(1, cost)) or 0
        all = all and limit.retry == 0
        asked[#asked + 1] = limit
    end
    for _, limit in ipairs(asked) do
        if limit.cost < 0 then
            limit.give_back(-limit.cost)
        elseif all and limit.cost > 0 then
            limit.count(limit.cost)
        end
        local free = math.max(0, limit.free())
        local reset = limit.cost > 0 and free < limit.most and limit.wait(free + 1) or 0
        answers[#answers + 1] = string.format('%d %.0f %.0f %.0f', limit.retry == 0 and 1 or 0, free, reset, limit.retry)
    end
    first = first + size
end
return table.concat(answers, ' ')
