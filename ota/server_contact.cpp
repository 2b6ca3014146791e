#include "ota/server_contact.hpp"

#include "ota/offer.hpp"

namespace ota {

namespace {
constexpr char const* kOfferPath = "/api/v1/updates/latest";
constexpr auto kContactLimit = std::chrono::seconds{5};
}   // namespace

core::WallTime time_floor(Committed const& committed, core::WallTime built) {
    auto floor = built;
    for (auto const& [slot, bundle] : committed.bundles)
        if (auto const issued = core::parse_wall_time(bundle.issued)) floor = std::max(floor, *issued);
    return floor;
}

core::HttpRequest offer_request(std::string const& server_url,
                                core::DeviceState const& state,
                                std::string const& etag,
                                JudgingTime time) {
    core::HttpRequest request{.url = server_url + kOfferPath,
                              .headers = {{"X-Device-ID", device_id(state.links.wan.mac)},
                                          {"X-Current-Version", state.identity.version}},
                              .judge_at = time.at,
                              .judge_at_is_floor = !time.is_wall_clock};
    if (!etag.empty()) request.headers.emplace_back("If-None-Match", etag);
    return request;
}

core::ServerContact contact_of(core::Result<std::unique_ptr<core::HttpStream>> const& opened,
                               core::TimePoint at) {
    core::ServerContact contact{.at = at};
    if (opened)
        contact.status = (*opened)->head().status;
    else
        contact.error = opened.error();
    return contact;
}

core::Task<void> contact_server(core::Clock& clock,
                                core::HttpClient& http,
                                core::Writer<&core::DeviceState::update> update,
                                core::HttpRequest request) {
    request.connect_limit = kContactLimit;
    auto const opened = co_await http.open(std::move(request));
    auto const contact = contact_of(opened, clock.now());
    update.change([&](core::Update& u) { u.server = contact; });
}

}   // namespace ota
