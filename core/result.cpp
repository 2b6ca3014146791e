#include "core/result.hpp"

#include <cerrno>
#include <ostream>

namespace core {
namespace {

class Category final : public boost::system::error_category {
public:
    char const* name() const noexcept override { return "atomix"; }
    std::string message(int code) const override {
        switch (static_cast<Errc>(code)) {
        case Errc::bad_input:
            return "bad input";
        case Errc::bad_signature:
            return "bad signature";
        case Errc::refused:
            return "refused";
        case Errc::not_found:
            return "not found";
        case Errc::io:
            return "input/output";
        case Errc::timed_out:
            return "timed out";
        case Errc::unreachable:
            return "unreachable";
        case Errc::no_address:
            return "no address";
        case Errc::too_large:
            return "too large";
        case Errc::changed:
            return "changed";
        }
        return "unknown";
    }
};

}   // namespace

boost::system::error_code make_error_code(Errc code) noexcept {
    static Category const category;
    return {static_cast<int>(code), category};
}

std::string Error::text() const {
    return context + " [" + code.message() + "]";
}

std::ostream& operator<<(std::ostream& out, Error const& error) {
    return out << error.text();
}

Error fail_errno(std::string context) {
    return {boost::system::error_code{errno, boost::system::system_category()}, std::move(context)};
}

Error fail(Error const& inner, std::string_view while_doing) {
    return {inner.code, inner.context + "; while " + std::string{while_doing}};
}

}   // namespace core
