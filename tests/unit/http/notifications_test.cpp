// POST /test/notify, /admin/notifications, /admin/notifications/resend

#include "edge_fixture.hpp"

namespace lode::http::test {
namespace {

class notifications_test : public edge_test {};

TEST_F(notifications_test, a_test_says_what_came_of_it) {
  says.notify.reply = notify_outcome{true, ""};
  const auto good = post("/test/notify?event=ONLINE", R"({"hotkey":"5H","uuid_key":"u","event":"OFFLINE"})");
  EXPECT_EQ(good.status, 200U);
  EXPECT_EQ(good.body, R"({"success":true,"message":"Notify allocation event testing is success"})");
  EXPECT_EQ(says.notify.seen[0].hook.event, "ONLINE");
  EXPECT_EQ(says.notify.seen[0].hook.hotkey, "5H");
  EXPECT_EQ(says.notify.seen[0].hook.uuid, "u");
  says.notify.reply = notify_outcome{false, "answered 500"};
  const auto bad = post("/test/notify");
  EXPECT_EQ(bad.status, 400U);
  EXPECT_EQ(bad.body,
            R"({"success":false,"message":"Notify allocation event testing is failed","err_detail":"answered 500"})");
  EXPECT_EQ(says.notify.seen[1].hook.event, "DEALLOCATION");
  EXPECT_EQ(says.notify.seen[1].hook.uuid.size(), 36U);
  says.notify.reply.reset();
  says.notify.failure = error{errc::overloaded, ""};
  EXPECT_EQ(post("/test/notify").status, 503U);
}

TEST_F(notifications_test, only_the_three_events_can_be_tested) {
  for (const char* event : {"online", "x", ""}) {
    const auto a = post(std::string{"/test/notify?event="} + event);
    EXPECT_EQ(a.status, 400U);
    EXPECT_EQ(a.body, R"({"success":false,"message":"Error occurred while testing notify",)"
                      R"("err_detail":"event must be DEALLOCATION, ONLINE or OFFLINE"})");
  }
  EXPECT_EQ(post("/test/notify", R"({"event":7})").status, 422U);
  EXPECT_TRUE(says.notify.seen.empty());
}

TEST_F(notifications_test, the_list_is_a_page) {
  notification n;
  n.id = "00000000000000000042-000001";
  n.event = "DEALLOCATION";
  n.hotkey = "5H";
  n.uuid_end = "beef";
  n.url_kind = "deallocation";
  n.attempts = 3;
  n.created_at = 1'795'572'000'123;
  n.last_error = "answered 500";
  n.dead = true;
  says.notifications.reply = notification_list{{n}, 7};
  const auto a = post("/admin/notifications?state=dead&page_number=1&page_size=1");
  EXPECT_EQ(a.status, 200U);
  EXPECT_EQ(a.body,
            R"({"success":true,"message":"List notifications successfully.","data":{"page_items":[)"
            R"({"id":"00000000000000000042-000001","event":"DEALLOCATION","hotkey":"5H","uuid":"beef",)"
            R"("url_kind":"deallocation","attempts":3,"created_at":"2026-11-25T02:00:00Z","next_at":null,)"
            R"("last_error":"answered 500","state":"dead"}],"page_number":1,"page_size":1,"next_page_number":2}})");
  EXPECT_EQ(says.notifications.seen[0].dead, true);
  EXPECT_EQ(post("/admin/notifications?state=lost").status, 422U);
  EXPECT_EQ(post("/admin/notifications").status, 200U);
  EXPECT_EQ(says.notifications.seen[1].dead, std::nullopt);
}

TEST_F(notifications_test, resend_counts_and_knows_what_it_does_not_know) {
  says.resend.reply = resent_notifications{2};
  EXPECT_EQ(post("/admin/notifications/resend").body,
            R"({"success":true,"message":"Notifications are queued again.","data":{"count":2}})");
  EXPECT_EQ(says.resend.seen[0].id, std::nullopt);
  says.resend.reply.reset();
  says.resend.failure = error{errc::not_found, ""};
  const auto a = post("/admin/notifications/resend?id=x");
  EXPECT_EQ(a.status, 404U);
  EXPECT_EQ(a.body, R"({"success":false,"message":"No such notification."})");
  EXPECT_EQ(says.resend.seen[1].id, "x");
  says.resend.failure = error{errc::not_ready, ""};
  EXPECT_EQ(post("/admin/notifications/resend").status, 503U);
}

}  // namespace
}  // namespace lode::http::test
