"""The reading side: HTTP answers, the live stream and the page; reads public views only."""
