package paygate

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

const (
	// defaultNoticePage and maxNoticePage are how many notifications a page has.
	defaultNoticePage = 100
	maxNoticePage     = 1000
)

// noticePage is what a list of notifications is asked for.
type noticePage struct {
	order, state, kind string
	// only those behind this one
	after int
	limit int
}

// newNoticePage reads the query of GET /notifications. after is the id of the last notification
// that the caller has.
func (g *Gateway) newNoticePage(query url.Values) (noticePage, error) {
	p := noticePage{order: query.Get("order"), state: query.Get("state"), kind: query.Get("kind"), limit: defaultNoticePage}
	switch {
	case query.Has("state") && !slices.Contains(noticeStates(), p.state):
		return p, invalid("state: %q must be one of %s", p.state, list(noticeStates()))
	case query.Has("kind") && !slices.Contains(notificationKinds(), notificationKind(p.kind)):
		return p, invalid("kind: %q must be one of %s", p.kind, list(notificationKinds()))
	}
	if query.Has("limit") {
		limit, err := strconv.Atoi(query.Get("limit"))
		if err != nil || limit < 1 || limit > maxNoticePage {
			return p, invalid("limit: %q must be from 1 to %d", query.Get("limit"), maxNoticePage)
		}
		p.limit = limit
	}
	if query.Has("after") {
		_, number, err := g.orders.notification(query.Get("after"))
		if err != nil {
			return p, invalid("after: %v; give the id of the last notification that you have", err)
		}
		p.after = number
	}
	return p, nil
}

// fits reports whether a notification belongs on one of the pages that follow.
func (p noticePage) fits(n *notice) bool {
	return n.Number > p.after &&
		(p.order == "" || p.order == n.OutTradeNo) && (p.state == "" || p.state == n.State) && (p.kind == "" || p.kind == n.Kind)
}

// noticesView is a page of notifications.
type noticesView struct {
	Notifications []Notification `json:"notifications"`
	// what to give as after for the next page; absent on the last one
	Next string `json:"next,omitempty"`
}

// adminNotifications lists notifications, oldest first.
func (g *Gateway) adminNotifications(r *http.Request) (int, any, error) {
	if err := onlyQuery(r, "order", "state", "kind", "after", "limit"); err != nil {
		return 0, nil, err
	}
	page, err := g.newNoticePage(r.URL.Query())
	if err != nil {
		return 0, nil, err
	}
	view := noticesView{Notifications: g.orders.notifications(page.fits, page.limit+1)}
	if len(view.Notifications) > page.limit {
		view.Notifications = view.Notifications[:page.limit]
		view.Next = view.Notifications[page.limit-1].ID
	}
	return http.StatusOK, view, nil
}

// adminNotification shows one notification.
func (g *Gateway) adminNotification(r *http.Request) (int, any, error) {
	if err := onlyQuery(r); err != nil {
		return 0, nil, err
	}
	n, _, err := g.orders.notification(r.PathValue("id"))
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, n, nil
}

// adminSendNotification sends a notification again, now, and shows it with the answer.
func (g *Gateway) adminSendNotification(r *http.Request) (int, any, error) {
	if err := decodeAdmin(r, &struct{}{}); err != nil {
		return 0, nil, err
	}
	n, err := g.SendNotification(r.PathValue("id"))
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, n, nil
}
