// Command closeorder is the cloud function that closes a WeChat Pay order and returns CloudPay's
// result object. On a timer it closes every order that is due.
package main

import (
	"cloudpay/internal/app"
	"cloudpay/internal/hosting"
)

func main() { hosting.Start(app.CloseOrder) }
