#pragma once
// Success or (code, sentence): the only way an expected failure travels. Exceptions are for cancellation and
// bugs.

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>

#include <iosfwd>
#include <string>
#include <string_view>

namespace core {

enum class Errc {
    bad_input = 1,   // bytes from elsewhere that do not mean what they must
    bad_signature,   // not signed by a key that this device trusts
    refused,         // understood, and not allowed here
    not_found,       // the thing asked for is absent
    io,              // a device, file or library failed
    timed_out,       // our own limit ended it
    unreachable,     // the network or the peer did not answer
    no_address,      // no name server knows the name, or none answers
    too_large,       // over a limit of ours
    changed,         // no longer what was looked at before: begin again
};
boost::system::error_code make_error_code(Errc code) noexcept;

struct Error {
    boost::system::error_code code;   // ours (Errc) or theirs (errno, asio): for deciding
    std::string context;              // innermost first: for reading

    std::string text() const;   // "sha256 differs; while verifying 2.1 [bad signature]"
    bool is(Errc wanted) const noexcept { return code == make_error_code(wanted); }
    friend bool operator==(Error const&, Error const&) = default;
};
std::ostream& operator<<(std::ostream& out, Error const& error);

template <class T> using Result = boost::system::result<T, Error>;

// It starts here.
inline Error fail(boost::system::error_code code, std::string context) {
    return {code, std::move(context)};
}
inline Error fail(Errc code, std::string context) {
    return {make_error_code(code), std::move(context)};
}
// The calling thread's errno.
Error fail_errno(std::string context);

// It passes through here.
Error fail(Error const& inner, std::string_view while_doing);
template <class T> Error fail(Result<T> const& failed, std::string_view while_doing) {
    return fail(failed.error(), while_doing);
}

}   // namespace core

template <> struct boost::system::is_error_code_enum<core::Errc> : std::true_type {};
