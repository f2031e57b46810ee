// Times stand in UTC in the page, for those who have no JavaScript; here they become local ones.
for (const time of document.querySelectorAll("time:not([data-whole])")) {
  const moment = new Date(time.dateTime);
  time.title = time.textContent;
  time.textContent = moment.toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}
