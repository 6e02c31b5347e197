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
    parameter{"event", query, type::string, R"("DEALLOCATION")", true, "which event", R"("DEALLOCATION")",
              "DEALLOCATION ONLINE OFFLINE"}};
constexpr std::array test_replies{reply_row{200, "Notify allocation event testing is success"},
                                  reply_row{400, "Notify allocation event testing is failed", R"({"type":"string"})"},
                                  reply_row{400, "Error occurred while testing notify", R"({"type":"string"})"}};

constexpr std::array notification_parameters{
    parameter{"state", query, type::string, "", true, "none: both", R"("dead")", "pending dead"},
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

constexpr parameter hotkey{
    "hotkey", query, type::string, "", false, "SS58", R"("5F3sa2TJAWMqDhXG6jhV4N8ko9SxwGy8TpaNS1repo5EYjQX")"};
constexpr parameter only_hotkey{
    "hotkey", query, type::string, "", true, "this one only", R"("5F3sa2TJAWMqDhXG6jhV4N8ko9SxwGy8TpaNS1repo5EYjQX")"};
constexpr parameter mark{"mark",       query, type::string, "", false, "blacklist, cordon, drain or quarantine",
                         R"("cordon")"};
constexpr parameter page_size{"page_size", query, type::integer, "", true, "items on a page; 0 or none: 50", "50"};
constexpr parameter page_number{
    "page_number", query, type::integer, "", true, "which page, from 1; 0 or none: everything is page 1", "1"};

constexpr std::array miner_parameters{only_hotkey, page_size, page_number};
constexpr std::array miner_replies{reply_row{
    200, "List miners successfully.",
    R"({"type":"object","required":["page_items","page_number","page_size","next_page_number"],"properties":{)"
    R"("page_items":{"type":"array","items":{"type":"object","required":["hotkey","ip","port","version","simulated",)"
    R"("gpu_name","gpu_count","reachable","healthy","eligible","slot","state","marks","known"],"properties":{)"
    R"("hotkey":{"type":"string"},"ip":{"type":"string"},"port":{"type":"integer","minimum":0},)"
    R"("version":{"type":"integer"},"simulated":{"type":"boolean"},"gpu_name":{"type":"string"},)"
    R"("gpu_count":{"type":"integer","minimum":0},"reachable":{"type":"boolean"},)"
    R"("healthy":{"type":["boolean","null"]},"eligible":{"type":"boolean"},)"
    R"("slot":{"type":"string","enum":["free","busy"]},"state":{"type":"string"},"known":{"type":"boolean"},)"
    R"("marks":{"type":"array","items":{"type":"object","required":["mark","reason","since","by"],"properties":{)"
    R"("mark":{"type":"string","enum":["blacklist","cordon","drain","quarantine"]},"reason":{"type":"string"},)"
    R"("since":{"type":"string","format":"date-time"},"by":{"type":"string"}}}}}}},)"
    R"("page_number":{"type":"integer"},"page_size":{"type":"integer"},"next_page_number":{"type":["integer","null"]}}})"}};

constexpr std::array mark_parameters{hotkey, mark,
                                     parameter{"reason", query, type::string, R"("")", true,
                                               "one line of at most 512 bytes", R"("new driver on Friday")"}};
constexpr std::array mark_replies{reply_row{200, "Miner was marked."},
                                  reply_row{400, "Miner was not marked.", R"({"type":"string"})"},
                                  reply_row{404, "Unknown hotkey."}};
constexpr std::array unmark_parameters{hotkey, mark};
constexpr std::array unmark_replies{reply_row{200, "Mark was removed."}, reply_row{404, "No such mark."}};

constexpr std::array explain_parameters{parameter{"", body, type::device, "{}", true}, only_hotkey, page_size,
                                        page_number};
constexpr std::array explain_replies{reply_row{
    200, "Explained placement.",
    R"({"type":"object","required":["page_items","page_number","page_size","next_page_number"],"properties":{)"
    R"("page_items":{"type":"array","items":{"type":"object","required":["hotkey","fits","rank","reasons"],)"
    R"("properties":{"hotkey":{"type":"string"},)"
    R"("fits":{"type":"boolean","description":"its hardware meets the requirement, whether it is free or not"},)"
    R"("rank":{"type":["integer","null"],"minimum":1,"description":"1 is tried first; null: not tried"},)"
    R"("reasons":{"type":"array","items":{"type":"string"},)"
    R"("description":"why it is not tried, or not sooner"}}}},)"
    R"("page_number":{"type":"integer"},"page_size":{"type":"integer"},"next_page_number":{"type":["integer","null"]}}})"}};

constexpr std::array table{
    endpoint{verb::post, "/test/notify", "admin", "Send one webhook now and say what became of it", role::admin,
             test_parameters, test_replies, post_test_notify},
    endpoint{verb::post,
             "/admin/notifications",
             "admin",
             "Webhooks that wait, and those given up",
             role::admin,
             notification_parameters,
             notification_replies,
             post_admin_notifications,
             {},
             true},
    endpoint{verb::post, "/admin/notifications/resend", "admin", "Send webhooks again that were given up", role::admin,
             resend_parameters, resend_replies, post_admin_notifications_resend},
    endpoint{verb::post,
             "/admin/miners",
             "admin",
             "Miners with their health and marks",
             role::admin,
             miner_parameters,
             miner_replies,
             post_admin_miners,
             {},
             true},
    endpoint{verb::post, "/admin/mark", "admin", "Keep a miner from being offered", role::admin, mark_parameters,
             mark_replies, post_admin_mark},
    endpoint{verb::post, "/admin/unmark", "admin", "Take a mark away", role::admin, unmark_parameters, unmark_replies,
             post_admin_unmark},
    endpoint{verb::post,
             "/admin/explain",
             "admin",
             "Which miners a placement would try, and why not the others",
             role::admin,
             explain_parameters,
             explain_replies,
             post_admin_explain,
             {},
             true},
};

}  // namespace

std::span<const endpoint> admin_endpoints() { return table; }

}  // namespace lode::http
