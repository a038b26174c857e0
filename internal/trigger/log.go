package trigger

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/printable"
)

// handle executes and logs one call, and returns its result as the caller may see it.
func (i *invocation) handle(ctx context.Context, c caller, p order.Reader, fault *order.FieldError, more ...slog.Attr) order.Result {
	start := time.Now()
	c, p = i.onBehalf(c, p)
	done := i.execute(ctx, c, p, fault)
	return i.finish(ctx, c, p, done, time.Since(start), more...)
}

// finish logs one call in one line, and returns its result as the caller may see it: without the
// operator's business for a user.
func (i *invocation) finish(
	ctx context.Context, c caller, p order.Reader, done outcome, took time.Duration, more ...slog.Attr,
) order.Result {
	result := done.Result
	i.log(ctx, levelOf(done), string(i.Op), append([]slog.Attr{
		slog.String("caller", string(c.kind)),
		slog.String("identifiedBy", string(c.by)),
		slog.String("owner", brief(c.owner)),
		slog.String("outTradeNo", numberFor(c, cmp.Or(result.OutTradeNo, p.OutTradeNo))),
		slog.String("api", string(result.API)),
		slog.String("outcome", string(result.Outcome)),
		slog.String("tradeState", string(result.TradeState)),
		slog.String("errCode", result.ErrCode),
		slog.String("gatewayCode", result.GatewayCode),
		slog.String("gatewayRequestId", result.RequestID),
		slog.String("returnMsg", result.ReturnMsg),
		slog.String("rule", string(done.denial.rule)),
		slog.String("remedy", done.denial.remedy),
		slog.Int("attempts", result.Attempts),
		slog.Int64("ms", took.Milliseconds()),
		slog.Int64("gatewayMs", result.Waited.Milliseconds()),
	}, more...))
	if !c.may.decide {
		return forUser(result)
	}
	return result
}

// numberFor is an order number as the log may have it: "" if it cannot be one, or if its caller may
// do nothing. Otherwise a caller could write anything into the log, or a secret be there by
// mistake.
func numberFor(c caller, number string) string {
	if c.may.orders == noOrders || !isNumber(number) {
		return ""
	}
	return number
}

// idFor is an ID from the event (a message's, a timer's name) as the log and a reply may have it:
// "" from a caller that may do nothing, and redacted if it is a token, which may be there by
// mistake. A token is looked for before the ID is cut, and as CKafka's topic too.
func (i *invocation) idFor(c caller, id string) string {
	topic := id
	for range 2 { // topic/partition/offset
		topic = topic[:max(strings.LastIndexByte(topic, '/'), 0)]
	}
	switch {
	case c.may == rights{}:
		return ""
	case i.Access.IsSecret(id), i.Access.IsSecret(topic):
		return redacted
	}
	return short(id)
}

// short keeps a text that anyone may have written from filling a log line or a reply.
func short(text string) string { return printable.Short(text, 40) }

// redacted stands for a secret that was sent in a wrong place.
const redacted = "redacted"

// redact replaces a text that is a secret.
func (i *invocation) redact(text string) string {
	if i.Access.IsSecret(text) {
		return redacted
	}
	return text
}

// log writes one line about the invocation. Empty attributes are left out, and a token in any of
// them is redacted.
func (i *invocation) log(ctx context.Context, level slog.Level, message string, attrs []slog.Attr) {
	line := append([]slog.Attr{
		slog.String("op", string(i.Op)),
		slog.String("trigger", i.event.Form),
		slog.String("platform", string(i.inv.Platform)),
		slog.String("function", i.inv.Function),
		slog.Bool("coldStart", i.cold),
		slog.String("traceId", plain(i.inv.TraceID)),
	}, attrs...)
	line = slices.DeleteFunc(line, func(attr slog.Attr) bool { return attr.Value.Equal(slog.StringValue("")) })
	for n, attr := range line {
		if attr.Value.Kind() == slog.KindString {
			line[n].Value = slog.StringValue(i.redact(attr.Value.String()))
		}
	}
	i.Log.LogAttrs(ctx, level, message, line...)
}

// levelOf is how much a result matters to the operator: a result in doubt, a denied caller and a
// code that names the merchant's numbers are warnings. A function that cannot serve, or whose
// signature WeChat Pay refuses, is an error.
func levelOf(done outcome) slog.Level {
	switch {
	case done.ErrCode == errcode.ConfigError, done.ErrCode == errcode.SignError:
		return slog.LevelError
	case done.Outcome == order.OutcomeUnknown, done.denial.rule != "", errcode.IsOfMerchant(done.ErrCode):
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

// plain is a trace ID as the log may have it, "" for anything else.
func plain(id string) string {
	const longest = 128
	if len(id) > longest || strings.ContainsFunc(id, func(r rune) bool { return notInNames(r) && r != '.' }) {
		return ""
	}
	return id
}
