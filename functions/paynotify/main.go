// Command paynotify is the cloud function behind a merchant's notify_url. It verifies WeChat Pay's
// notifications of payments and refunds, and ends the registered orders that they prove paid.
package main

import (
	"cloudpay/internal/app"
	"cloudpay/internal/hosting"
)

func main() { hosting.Start(app.PayNotify) }
