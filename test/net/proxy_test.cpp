#include "net/proxy.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <map>

using core::Errc;

namespace {

using Variables = std::map<std::string, std::string>;

net::ProxyRules rules(Variables variables) {
    return net::ProxyRules{
        [variables = std::move(variables)](char const* name) -> std::optional<std::string> {
            auto const found = variables.find(name);
            if (found == variables.end()) return std::nullopt;
            return found->second;
        }};
}

std::string proxy_for(Variables variables, std::string const& host = "updates.example") {
    auto const proxy = rules(std::move(variables)).for_host(host);
    if (!proxy) return proxy.error().text();
    return *proxy ? (*proxy)->credentials + "@" + (*proxy)->peer() : "none";
}

}   // namespace

TEST_CASE("the first variable that is set names the proxy") {
    Variables variables;
    CHECK(proxy_for(variables) == "none");
    for (auto const* name : {"http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy"}) {
        variables[name] =
            std::string{"http://"} + (name[0] < 'a' ? "upper." : "") + name[0] + ".example:3128";
        auto const proxy = rules(variables).for_host("updates.example");
        REQUIRE(proxy.has_value());
        REQUIRE(proxy->has_value());
        CHECK((*proxy)->variable == name);
    }
    CHECK(proxy_for({{"HTTP_PROXY", "http://p:3128"}}) == "none");   // a CGI's request header, not ours
    CHECK(proxy_for({{"https_proxy", ""}, {"http_proxy", "http://p:3128"}}) == "@the proxy p:3128");
}

TEST_CASE("a proxy is a host with or without scheme, port, user and password") {
    struct {
        char const* value;
        char const* want;
    } const cases[] = {
        {"http://proxy.example:3128", "@the proxy proxy.example:3128"},
        {"HTTP://Proxy.Example:3128/", "@the proxy proxy.example:3128"},
        {"http://proxy.example", "@the proxy proxy.example:80"},
        {"proxy.example:3128", "@the proxy proxy.example:3128"},
        {"http://10.0.0.1:3128", "@the proxy 10.0.0.1:3128"},
        {"http://[fd00::1]:3128", "@the proxy [fd00::1]:3128"},
        {"http://[fd00::1]", "@the proxy [fd00::1]:80"},
        {"http://me:secret@proxy.example:3128", "me:secret@the proxy proxy.example:3128"},
        {"http://me@proxy.example:3128", "me:@the proxy proxy.example:3128"},
        {"me:s%40c%3Ar%2ft%@proxy.example:3128", "me:s@c:r/t%@the proxy proxy.example:3128"},
        {"http://me:a@b@proxy.example:3128", "me:a@b@the proxy proxy.example:3128"},
    };
    for (auto const& c : cases) {
        CAPTURE(c.value);
        CHECK(proxy_for({{"https_proxy", c.value}}) == c.want);
    }
}

TEST_CASE("a value that is no proxy is refused with the variable's name, and never repeated") {
    for (auto const* value :
         {"socks5://secret:1080", "https://secret:3128", "http://", "http://:3128", "http://secret:0",
          "http://secret:port", "http://me:sec/ret@proxy:3128", "http://me:secret#@proxy:3128",
          "http://secret host:3128", "http://secret/path", "http://me:secret@"}) {
        CAPTURE(value);
        auto const proxy = rules({{"all_proxy", value}}).for_host("updates.example");
        REQUIRE(!proxy);
        CHECK(proxy.error().is(Errc::bad_input));
        CHECK(
            proxy.error().context.starts_with("the environment variable all_proxy names no usable proxy: "));
        CHECK(proxy.error().context.ends_with("; it must be like http://proxy.example:3128"));
        CHECK(proxy.error().context.find("sec") == std::string::npos);
    }
}

TEST_CASE("hosts that no_proxy names are asked directly") {
    struct {
        char const* list;
        char const* host;
        bool direct;
    } const cases[] = {
        {"example", "example", true},
        {"example", "updates.example", true},
        {".example", "updates.example", true},
        {".example", "example", true},
        {"updates.example", "example", false},
        {"example", "badexample", false},
        {"Example", "updates.example", true},
        {"a.test, updates.example ,b.test", "updates.example", true},
        {"a.test b.test", "b.test", true},
        {"*", "updates.example", true},
        {"*", "10.0.0.1", true},
        {"10.0.0.1", "10.0.0.1", true},
        {"0.0.1", "10.0.0.1", false},
        {"10.0.0.10", "10.0.0.1", false},
        {"fd00:0::1", "fd00::1", true},
        {"[fd00::1]", "fd00::1", true},
        {"", "updates.example", false},
        {",,", "updates.example", false},
        {".", "updates.example", false},
    };
    for (auto const& c : cases) {
        CAPTURE(c.list);
        CAPTURE(c.host);
        auto const want = c.direct ? "none" : "@the proxy p:3128";
        CHECK(proxy_for({{"https_proxy", "http://p:3128"}, {"no_proxy", c.list}}, c.host) == want);
        CHECK(proxy_for({{"https_proxy", "http://p:3128"}, {"NO_PROXY", c.list}}, c.host) == want);
    }
    CHECK(proxy_for({{"https_proxy", "socks5://p"}, {"no_proxy", "*"}}) == "none");   // of no interest then
}

TEST_CASE("a request for a tunnel names host and port, and carries the password only in its own header") {
    net::Url const url{"updates.example", 443, "/secret/path"};
    net::Proxy proxy{.host = "p", .port = 3128, .variable = "https_proxy"};
    CHECK(net::connect_text(proxy, url, "atomixd/1") == "CONNECT updates.example:443 HTTP/1.1\r\n"
                                                        "Host: updates.example:443\r\n"
                                                        "User-Agent: atomixd/1\r\n\r\n");
    proxy.credentials = "Aladdin:open sesame";   // RFC 7617 section 2
    CHECK(net::connect_text(proxy, url, "atomixd/1") ==
          "CONNECT updates.example:443 HTTP/1.1\r\n"
          "Host: updates.example:443\r\n"
          "User-Agent: atomixd/1\r\n"
          "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n");
    for (auto const& [credentials, want] :
         {std::pair{"a:b", "YTpi\r\n"}, std::pair{"a:bc", "YTpiYw==\r\n"}}) {
        proxy.credentials = credentials;
        CHECK(net::connect_text(proxy, url, "x").find(want) != std::string::npos);
    }
}

TEST_CASE("the process has an environment") {
    CHECK((net::process_environment("PATH") == std::string{std::getenv("PATH")}));
    CHECK(!net::process_environment("ATOMIX_NO_SUCH_VARIABLE"));
}
