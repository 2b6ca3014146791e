#include "core/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdlib>

namespace core {
namespace {

constexpr std::size_t kLongestValue = 512;

bool is_plain(unsigned char c) {
    return c > 0x20 && c != '"' && c != '\\' && c != 0x7f;
}

std::string printed(std::string_view value) {
    bool const cut = value.size() > kLongestValue;
    value = value.substr(0, kLongestValue);
    if (!value.empty() && std::ranges::all_of(value, is_plain) && !cut) return std::string{value};
    std::string out = "\"";
    for (char const character : value) {
        auto const c = static_cast<unsigned char>(character);
        if (c == '"' || c == '\\') out += '\\';
        if (c == '\n')
            out += "\\n";
        else if (c < 0x20 || c == 0x7f)
            out += '?';
        else
            out += character;
    }
    return out + (cut ? "…\"" : "\"");
}

class StandardError final : public LogSink {
public:
    StandardError(Level least, bool journal)
        : least_{least},
          journal_{journal},
          logger_{"atomixd", std::make_shared<spdlog::sinks::stderr_sink_mt>()} {
        logger_.set_level(spdlog::level::trace);
        logger_.set_pattern(journal ? "%v" : "%Y-%m-%dT%H:%M:%S.%e %v");
        logger_.flush_on(spdlog::level::trace);
    }

    void write(Level level, std::string const& line) override {
        if (level < least_) return;
        static constexpr char const* kPriority[] = {"<7>", "<6>", "<5>", "<4>", "<3>"};
        static constexpr char const* kName[] = {"debug   ", "info    ", "notice  ", "warning ", "error   "};
        auto const index = static_cast<std::size_t>(level);
        logger_.log(spdlog::level::info, "{}{}", journal_ ? kPriority[index] : kName[index], line);
    }

private:
    Level least_;
    bool journal_;
    spdlog::logger logger_;
};

}   // namespace

std::string
log_line(std::string_view component, std::string_view sentence, std::initializer_list<Fact> facts) {
    std::string line{component};
    line += ": ";
    line += sentence;
    for (auto const& fact : facts) line += ' ' + fact.key + '=' + printed(fact.value);
    return line;
}

void Log::operator()(Level level, std::string_view sentence, std::initializer_list<Fact> facts) const {
    sink_->write(level, log_line(component_, sentence, facts));
}

std::shared_ptr<LogSink> standard_error_sink(Level least) {
    return std::make_shared<StandardError>(least, std::getenv("JOURNAL_STREAM") != nullptr);
}

}   // namespace core
