package trigger

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"time"

	"cloudpay/internal/order"
)

// turn performs one set of parameters, logs it in one line, and returns the result as the caller may see it.
func (i *invocation) turn(ctx context.Context, c caller, p params, fault *order.FieldError, more ...slog.Attr) order.Result {
	start := time.Now()
	result := i.perform(ctx, c, p, fault)
	return i.tell(ctx, c, p, result, time.Since(start), more...)
}

// tell logs what became of one set of parameters, and returns it as the caller may see it.
func (i *invocation) tell(
	ctx context.Context, c caller, p params, result order.Result, took time.Duration, more ...slog.Attr,
) order.Result {
	i.log(ctx, levelOf(c, result), string(i.Op), append([]slog.Attr{
		slog.String("caller", string(c.kind)),
		slog.String("owner", brief(c.owner)),
		slog.String("outTradeNo", numberFor(c, cmp.Or(result.OutTradeNo, p.OutTradeNo))),
		slog.String("api", string(result.API)),
		slog.String("outcome", string(result.Outcome)),
		slog.String("tradeState", string(result.TradeState)),
		slog.String("errCode", result.ErrCode),
		slog.String("gatewayCode", result.GatewayCode),
		slog.String("gatewayRequestId", result.RequestID),
		slog.String("returnMsg", result.ReturnMsg),
		slog.String("remedy", remedyOf(c, result)),
		slog.Int("attempts", result.Attempts),
		slog.Int64("ms", took.Milliseconds()),
		slog.Int64("gatewayMs", result.Waited.Milliseconds()),
	}, more...))
	if !c.may.decide {
		return forUser(result)
	}
	return result
}

// numberFor is an order's number as the log may have it: what can be one, from somebody who may name one. Else it is a
// stranger's word, or something else that was put in the wrong place.
func numberFor(c caller, number string) string {
	if c.may.orders == noOrders || !isNumber(number) {
		return ""
	}
	return number
}

// log writes one line about the invocation. What has nothing to say is left out, and a token that was put in the wrong
// place says nothing.
func (i *invocation) log(ctx context.Context, level slog.Level, message string, attrs []slog.Attr) {
	line := append([]slog.Attr{
		slog.String("op", string(i.Op)),
		slog.String("trigger", string(i.event.Form)),
		slog.String("platform", string(i.inv.Platform)),
		slog.String("function", i.inv.Function),
	}, attrs...)
	line = slices.DeleteFunc(line, func(attr slog.Attr) bool { return attr.Value.Equal(slog.StringValue("")) })
	for n, attr := range line {
		if attr.Value.Kind() == slog.KindString && i.Access.isToken(attr.Value.String()) {
			line[n].Value = slog.StringValue(redacted)
		}
	}
	i.Log.LogAttrs(ctx, level, message, line...)
}

// levelOf says how much a result matters to an operator: what was not proved, and who was kept out, is worth a warning; a
// function that cannot serve, an error.
func levelOf(c caller, r order.Result) slog.Level {
	switch {
	case r.ErrCode == order.CodeConfigError:
		return slog.LevelError
	case r.Outcome == order.OutcomeUnknown, remedyOf(c, r) != "":
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

// remedyOf is the caller's remedy if it is what the caller lacked.
func remedyOf(c caller, r order.Result) string {
	if c.may.orders == noOrders && r.Outcome == order.OutcomeRefused && r.ErrCode == order.CodeNoAuth {
		return c.remedy
	}
	return ""
}
