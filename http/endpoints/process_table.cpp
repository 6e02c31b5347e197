// The process itself: its health, its description, its events.
#include "http/endpoint.hpp"

#include <array>

namespace lode::http {
namespace {

constexpr std::string_view readiness = R"({"$ref":"#/components/schemas/Readiness"})";
constexpr std::array ready_replies{reply_row{200, "ready", readiness}, reply_row{503, "not ready", readiness}};
constexpr std::array alive_replies{reply_row{200, "alive"}};

// Prometheus' text format, not an envelope.
constexpr std::array metrics_replies{
    reply_row{200, "Metrics", R"({"type":"string","examples":["# HELP ...\n"]})", "text/plain"}};
// As the original greets.
constexpr std::array root_replies{
    reply_row{200, "Greeting",
              R"({"type":"object","required":["message"],"additionalProperties":false,"properties":{"message":{)"
              R"("const":"Welcome to Compute Subnet Allocation API, Please access the API via endpoint."}}})",
              "application/json"}};
constexpr std::array openapi_replies{reply_row{200, "This document",
                                               R"({"type":"object","required":["openapi","paths"],"properties":{)"
                                               R"("openapi":{"const":"3.1.0"},"paths":{"type":"object"}}})",
                                               "application/json"}};
constexpr std::array docs_replies{
    reply_row{200, "Swagger UI", R"({"type":"string","examples":["<!doctype html>..."]})", "text/html"}};

constexpr std::array ui_replies{
    reply_row{200, "Dashboard", R"({"type":"string","examples":["<!doctype html>..."]})", "text/html"}};

constexpr std::string_view connect_description =
    "A WebSocket (RFC 6455). Each message is a JSON text. On open and every 30 s "
    "`{\"type\":\"keepalive\",\"payload\":{\"time\":...}}`; for every change of state "
    "`{\"type\":\"allocation\"|\"miner\"|\"job\",\"seq\":n,\"payload\":{...}}`, where `seq` grows and is what "
    "`since` takes. A listener that does not keep up is dropped and can come back with `since`.";

constexpr std::array connect_parameters{
    parameter{"since", place::query, value_type::integer, "", true,
              "First the events after this sequence number, from the durable log, then live ones. Without it live ones "
              "only. Too old: closed with 4410. Beyond the end of the log: closed with 4409",
              "4711"},
    parameter{"token", place::query, value_type::string, "", true,
              "API key, for browsers, which cannot set `authorization`", R"("lode_ab12cd34_...")"}};
constexpr std::array connect_replies{reply_row{101, "Switching Protocols"}, reply_row{426, "Upgrade Required"}};

constexpr std::array table{
    endpoint{verb::get, "/", "process", "Greets", role::none, {}, root_replies, get_root},
    endpoint{verb::get, "/healthz", "process", "Whether the process lives", role::none, {}, alive_replies, get_healthz},
    endpoint{verb::get, "/readyz", "process", "Whether it can serve", role::none, {}, ready_replies, get_readyz},
    endpoint{verb::get, "/connect", "process", "Events as they happen, over a WebSocket", role::read,
             connect_parameters, connect_replies, get_connect, connect_description},
    endpoint{verb::get,
             "/metrics",
             "process",
             "What is counted and measured, as Prometheus reads it",
             role::read,
             {},
             metrics_replies,
             get_metrics},
    endpoint{verb::get,
             "/openapi.json",
             "process",
             "The description of this API",
             role::none,
             {},
             openapi_replies,
             get_openapi},
    endpoint{verb::get, "/docs", "process", "The same for people: Swagger UI", role::none, {}, docs_replies, get_docs},
    endpoint{verb::get, "/ui", "process", "A dashboard for people", role::none, {}, ui_replies, get_ui},
};

}  // namespace

std::span<const endpoint> process_endpoints() { return table; }

}  // namespace lode::http
