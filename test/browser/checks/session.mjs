import assert from "node:assert/strict";

/** Signing in, with the keyboard alone, up to a password of one's own. */
export const checks = {
  "a wrong password is refused in words, and the next try needs no mouse": async ({ page, first, pictures }) => {
    await page.goto("/");
    const name = page.getByLabel("User name");
    await name.waitFor();
    await pictures.takeHere(page, "sign-in");
    assert.ok(await name.evaluate((field) => field === document.activeElement), "the focus starts on the user name");
    await page.keyboard.type(first.user);
    await page.keyboard.press("Tab");
    await page.keyboard.type("not the password");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").getByText("The user name or the password is wrong.").waitFor();
    const field = page.getByLabel("Password", { exact: true });
    assert.equal(await field.inputValue(), "");
    assert.ok(await field.evaluate((input) => input === document.activeElement), "the focus is on the emptied password");
  },

  "the first password must be replaced before anything else": async ({ page, first }) => {
    await page.keyboard.type(first.password);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: `Choose a password, ${first.user}` }).waitFor();
    await page.goto("/hosts");
    await page.getByRole("heading", { name: "Choose a password" }).waitFor();
    assert.equal(await page.getByRole("navigation").count(), 0);
  },

  "a password that is short or typed differently is refused at its field": async ({ page, first }) => {
    const type = async (label, text) => page.getByLabel(label, { exact: true }).fill(text);
    await type("Password you signed in with", first.password);
    await type("New password", "short");
    await type("New password again", "shorter");
    await page.getByRole("button", { name: "Change password" }).click();
    await page.getByText("At least 12 characters: a few words are good").waitFor();
    await page.getByText("The two do not match").waitFor();
  },

  "after the change the link that was opened first is shown": async ({ page, password }) => {
    await page.getByLabel("New password", { exact: true }).fill(password);
    await page.getByLabel("New password again").fill(password);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Hosts" }).waitFor();
    await page.getByText("No host is enrolled yet.").waitFor();
  },
};

export const last = {
  "signing out ends the session here and on the server": async ({ page, server, context }) => {
    const cookies = (await context.cookies()).map(({ name, value }) => `${name}=${value}`).join("; ");
    await page.getByRole("button", { name: /^Signed in as/ }).click();
    await page.getByRole("menuitem", { name: "Sign out" }).click();
    await page.getByLabel("User name").waitFor();
    assert.equal((await server.request("GET", "/api/v1/hosts", { headers: { cookie: cookies } })).status, 401);
  },
};
