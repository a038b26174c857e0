package console

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"cloudpay/internal/bilingual"
)

// deed is what an action of an order's page did.
type deed struct {
	// Said is what was done, and Wrong why it was not, or not wholly.
	Said, Wrong bilingual.Text
	// Verdict and Reason are what became of it, and Link the page that has it; empty: none.
	// Outcome is the verdict in words, with the status of the answer.
	Verdict, Outcome, Reason, Link string
	// Curl is the action as a command, and Texts what came back.
	Curl  string
	Texts []stageText
	// Called is what came of an advance of the clock.
	Called called
}

// replay does a step of an order's page once more, and shows what came of it. The form has the
// step's ID, which begins with its kind, and the kind selects the call:
//
//	request-17    POST {admin}/requests/17/send
//	call-17       POST {cloud}/v1/calls/17/send
//	event-17      POST {events}/events/17/send
//	delivery-17   POST {admin}/notifications/{id}/send, of the notification that delivery 17 told
func (c *Console) replay(w http.ResponseWriter, r *http.Request) {
	kind, id, _ := strings.Cut(r.PostFormValue("step"), "-")
	number, _ := strconv.ParseInt(id, 10, 64) // 0 is no id
	ctx, l := r.Context(), languageOf(r)
	done := &deed{Wrong: bilingual.New("there is no such step", "没有这一步")}
	switch {
	case number < 1:
	case kind == "request":
		done = c.sendRequest(ctx, l, number)
	case kind == "call":
		done = c.sendCall(ctx, l, number)
	case kind == "event" && c.api.events != "":
		done = c.sendEvent(ctx, l, number)
	case kind == "delivery":
		done = c.sendNotification(ctx, l, number, r.PathValue("number"))
	}
	c.orderPage(w, r, done)
}

// does posts to an address and reads what came of it. The deed says so if that was refused.
func (c *Console) does(ctx context.Context, address string, into any) *deed {
	call := posting(address, nil)
	_, err := c.api.send(ctx, call, into)
	return &deed{Curl: call.curl(), Wrong: bilingual.Wording(err)}
}

// failed reports whether nothing was done.
func (d *deed) failed() bool { return d.Wrong != (bilingual.Text{}) }

// sendRequest sends the bytes of a request to WeChat Pay again.
func (c *Console) sendRequest(ctx context.Context, l language, id int64) *deed {
	var made requestBytes
	done := c.does(ctx, c.api.requestAddress(id, "send"), &made)
	if done.failed() {
		return done
	}
	done.Said = bilingual.Sprintf("The bytes of request %d were sent again, as request %d:", "已重发请求 %d 的原始内容，新请求为 %d：", id, made.ID)
	done.Link, done.Texts = fmt.Sprintf("/requests/%d", made.ID), made.texts()
	var found []request
	address := withQuery(c.api.admin+"/requests", "after", strconv.FormatInt(made.ID-1, 10), "limit", "1")
	if _, err := c.api.get(ctx, address, &found); err == nil && len(found) > 0 && found[0].ID == made.ID {
		row := found[0].activity(l)
		done.Verdict, done.Outcome, done.Reason = row.Verdict, row.Said, row.Reason
	}
	return done
}

// sendCall calls a function again with the event of a call.
func (c *Console) sendCall(ctx context.Context, l language, id int64) *deed {
	var made callBytes
	done := c.does(ctx, c.api.callAddress(id, "send"), &made)
	if done.failed() {
		return done
	}
	row := made.Call.activity(l)
	done.Said = bilingual.Sprintf("The event of call %d was sent again, as call %d:", "已以调用 %d 的事件再次调用，新调用为 %d：", id, made.Call.ID)
	done.Verdict, done.Outcome, done.Reason, done.Texts = row.Verdict, row.Said, row.Reason, made.texts()
	return done
}

// sendEvent has the event sink take a delivery again.
func (c *Console) sendEvent(ctx context.Context, l language, id int64) *deed {
	var made eventBytes
	done := c.does(ctx, c.api.eventAddress(id, "send"), &made)
	if done.failed() {
		return done
	}
	done.Said = bilingual.Sprintf("The event of delivery %d was delivered again, as delivery %d:", "已再次投递事件 %d，新投递为 %d：", id, made.ID)
	done.Verdict, done.Outcome, done.Reason = made.Verdict, words(l.Word(made.Verdict), strconv.Itoa(made.Status)), made.Reason
	done.Texts = made.texts()
	return done
}

// sendNotification has WeChat Pay notify again of what a delivery about an order told.
func (c *Console) sendNotification(ctx context.Context, l language, id int64, order string) *deed {
	var page struct{ Deliveries []timedDelivery }
	address := withQuery(c.api.admin+"/deliveries", "order", order, "after", strconv.FormatInt(id-1, 10), "limit", "1")
	if _, err := c.api.get(ctx, address, &page); err != nil {
		return &deed{Wrong: bilingual.Wording(err)}
	}
	if len(page.Deliveries) == 0 || page.Deliveries[len(page.Deliveries)-1].ID != id {
		return &deed{Wrong: bilingual.New("the history has this delivery no more", "历史中已没有该投递")}
	}
	var told notification
	message := page.Deliveries[len(page.Deliveries)-1].Message
	done := c.does(ctx, c.api.admin+"/notifications/"+url.PathEscape(message)+"/send", &told)
	if done.failed() {
		return done
	}
	done.Said = bilingual.Sprintf("WeChat Pay notified again, %s:", "微信支付已再次通知 %s：", told.URL)
	if len(told.Attempts) == 0 {
		return done
	}
	last := told.Attempts[len(told.Attempts)-1]
	done.Verdict, done.Reason, done.Texts = "failed", last.Reason, last.texts(told)
	if last.Acknowledged {
		done.Verdict = "ok"
	}
	done.Outcome = words(l.Word(done.Verdict), strconv.Itoa(last.HTTPStatus))
	return done
}
