// What operators do: /admin/... and /test/notify.
#include "http/endpoint.hpp"

#include <array>

namespace lode::http {
namespace {

using enum place;
using type = value_type;

constexpr std::array test_parameters{
    parameter{"hotkey", query, type::string, "", true, "hotkey in the webhook; none: test_hotkey",
              R"("5F3sa2TJAWMqDhXG6jhV4N8ko9SxwGy8TpaNS1repo5EYjQX")"},
    parameter{"uuid_key", query, type::string, "", true, "uuid in the webhook; none: a new one",
              R"("0e4b6e0c-5c1f-4f6a-9d3c-2f1b7a8c9d0e")"},
    parameter{"event", query, type::string, R"("DEALLOCATION")", true, "DEALLOCATION, ONLINE or OFFLINE",
              R"("DEALLOCATION")"}};
constexpr std::array test_replies{reply_row{200, "Notify allocation event testing is success"},
                                  reply_row{400, "Notify allocation event testing is failed", R"({"type":"string"})"},
                                  reply_row{400, "Error occurred while testing notify", R"({"type":"string"})"}};

constexpr std::array notification_parameters{
    parameter{"state", query, type::string, "", true, "pending or dead; none: both", R"("dead")"},
    parameter{"page_size", query, type::integer, "", true, "items on a page; 0 or none: 50", "50"},
    parameter{"page_number", query, type::integer, "", true, "which page, from 1; 0 or none: everything is page 1",
              "1"}};
constexpr std::array notification_replies{reply_row{
    200, "List notifications successfully.",
    R"({"type":"object","required":["page_items","page_number","page_size","next_page_number"],"properties":{)"
    R"("page_items":{"type":"array","items":{"type":"object","required":["id","event","hotkey","uuid","url_kind",)"
    R"("attempts","created_at","next_at","last_error","state"],"properties":{"id":{"type":"string"},)"
    R"("event":{"type":"string"},"hotkey":{"type":"string"},"uuid":{"type":"string","maxLength":4},)"
    R"("url_kind":{"type":"string","enum":["deallocation","status"]},"attempts":{"type":"integer","minimum":0},)"
    R"("created_at":{"type":"string","format":"date-time"},"next_at":{"type":["string","null"],"format":"date-time"},)"
    R"("last_error":{"type":"string"},"state":{"type":"string","enum":["pending","dead"]}}}},)"
    R"("page_number":{"type":"integer"},"page_size":{"type":"integer"},"next_page_number":{"type":["integer","null"]}}})"}};

constexpr std::array resend_parameters{parameter{"id", query, type::string, "", true,
                                                 "id of one; none: all that were given up",
                                                 R"("00000000000000000042-000001")"}};
constexpr std::array resend_replies{
    reply_row{200, "Notifications are queued again.",
              R"({"type":"object","required":["count"],"properties":{"count":{"type":"integer","minimum":0}}})"},
    reply_row{404, "No such notification."}};

constexpr std::array table{
    endpoint{verb::post, "/test/notify", "admin", "Send one webhook now and say what became of it", role::admin,
             test_parameters, test_replies, post_test_notify},
    endpoint{verb::post, "/admin/notifications", "admin", "Webhooks that wait, and those given up", role::admin,
             notification_parameters, notification_replies, post_admin_notifications},
    endpoint{verb::post, "/admin/notifications/resend", "admin", "Send webhooks again that were given up", role::admin,
             resend_parameters, resend_replies, post_admin_notifications_resend},
};

}  // namespace

std::span<const endpoint> admin_endpoints() { return table; }

}  // namespace lode::http
