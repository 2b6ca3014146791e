#pragma once
// One event per line: component, fixed lower-case sentence, facts as key=value with the unit in the key.
//
// error: a person must act. warning: it will be retried. notice: the device changed. info: milestones. debug:
// the rest. Never hand a secret to a log line. Under systemd the lines carry journal priorities
// (sd-daemon(3), "<N>").

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

namespace core {

enum class Level { debug, info, notice, warning, error };

struct Fact {
    std::string key;
    std::string value;

    Fact(std::string_view k, std::string_view v) : key{k}, value{v} {}
    Fact(std::string_view k, char const* v) : key{k}, value{v} {}
    Fact(std::string_view k, bool v) : key{k}, value{v ? "true" : "false"} {}
    template <class N>
    requires(std::is_arithmetic_v<N> && !std::is_same_v<N, bool>) Fact(std::string_view k, N v)
        : key{k}, value{std::to_string(v)} {}
};

// Where finished lines go: the terminal, the journal, or a vector in a test.
class LogSink {
public:
    virtual ~LogSink() = default;
    virtual void write(Level level, std::string const& line) = 0;
};

class Log {
public:
    Log(std::shared_ptr<LogSink> sink, std::string component)
        : sink_{std::move(sink)}, component_{std::move(component)} {}

    Log for_component(std::string name) const { return {sink_, std::move(name)}; }
    void operator()(Level level, std::string_view sentence, std::initializer_list<Fact> facts = {}) const;

private:
    std::shared_ptr<LogSink> sink_;
    std::string component_;
};

// "ota: download failed, will retry why="connection reset" in_s=8"; values are quoted where they need it,
// control characters are escaped, and a value is cut at 512 bytes.
std::string
log_line(std::string_view component, std::string_view sentence, std::initializer_list<Fact> facts);

// Standard error: with "<N>" priorities when systemd's journal reads it ($JOURNAL_STREAM), with the time
// otherwise. Lines below `least` are dropped.
std::shared_ptr<LogSink> standard_error_sink(Level least);

}   // namespace core
