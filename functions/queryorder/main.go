// Command queryorder is the cloud function that queries a WeChat Pay order and returns CloudPay's
// result object. On a timer it queries every order in doubt.
package main

import (
	"cloudpay/internal/app"
	"cloudpay/internal/hosting"
)

func main() { hosting.Start(app.QueryOrder) }
