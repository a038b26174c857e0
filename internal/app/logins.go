package app

import (
	"context"
	"log/slog"

	"cloudpay/internal/accesstoken"
	"cloudpay/internal/config"
	"cloudpay/internal/trigger"
)

// loginsOf verifies the access tokens of the configured CloudBase environment's users; nil if none
// is configured. It fetches no keys before a token needs one.
func loginsOf(c config.Config, log *slog.Logger) trigger.Logins { //nolint:ireturn // nil is no Logins, not a nil Verifier
	if c.Login.Env == "" {
		return nil
	}
	return &accesstoken.Verifier{
		Env:     c.Login.Env,
		Region:  c.Login.Region,
		Address: c.Login.URL,
		WeChat: accesstoken.WeChat{
			AppID: c.Login.WXAppID, Claim: c.Login.Provider.Claim, Value: c.Login.Provider.Value,
		},
		Report: func(ctx context.Context, err error) {
			log.WarnContext(ctx, "access tokens", "fault", err.Error())
		},
	}
}
