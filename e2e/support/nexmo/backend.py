"""A backend in Python: the vendor's server SDK, unmodified. Commands come as lines of JSON, and
what the SDK answers, or which of its errors it raises, goes out as one."""

import json
import logging
import sys

from vonage import Auth, HttpClientOptions, Vonage
from vonage_application import ApplicationConfig, ListApplicationsFilter
from vonage_http_client.errors import HttpRequestError
from vonage_jwt import JwtClient
from vonage_users import ListUsersFilter, User

# A list of two, so that a few are pages.
PAGE_SIZE = 2


def backend(host, application_id, private_key_file, api_key, api_secret):
    """What an application does with the SDK, by name."""
    options = HttpClientOptions(api_host=host, rest_host=host)
    with_key = Auth(application_id=application_id, private_key=private_key_file)
    vonage = Vonage(with_key, options)
    managed = Vonage(Auth(api_key=api_key, api_secret=api_secret), options).application
    users = vonage.users
    # There is no module for conversations in it: applications call their paths themselves.
    http = vonage.http_client

    def all_of(page):
        """Each page that a cursor leads to."""
        pages, cursor = [], None
        while True:
            items, cursor = page(cursor)
            pages.append([plain(one) for one in items])
            if cursor is None:
                return pages

    def in_pages(cursor):
        return users.list_users(ListUsersFilter(page_size=PAGE_SIZE, cursor=cursor))

    def managed_pages(page):
        return managed.list_applications(ListApplicationsFilter(page_size=PAGE_SIZE, page=page or 1))

    return {
        'create_user': lambda fields: users.create_user(User(**fields)),
        'get_user': users.get_user,
        'update_user': lambda id, fields: users.update_user(id, User(**fields)),
        'delete_user': users.delete_user,
        'list_users': lambda: all_of(in_pages),
        'find_user': lambda name: users.list_users(ListUsersFilter(name=name))[0],
        'get': lambda path, query=None: http.get(http.api_host, path, query),
        'post': lambda path, body: http.post(http.api_host, path, body),
        'put': lambda path, body: http.put(http.api_host, path, body),
        'patch': lambda path, body: http.patch(http.api_host, path, body),
        'delete': lambda path: http.delete(http.api_host, path),
        'token': lambda claims: JwtClient(application_id, private_key_file).generate_application_jwt(claims),
        'create_application': lambda fields: managed.create_application(ApplicationConfig(**fields)),
        'get_application': managed.get_application,
        'list_applications': lambda: all_of(managed_pages),
        'delete_application': managed.delete_application,
    }


def plain(answer):
    """What the SDK answers, as JSON has it."""
    if isinstance(answer, bytes):
        return answer.decode()
    if isinstance(answer, list):
        return [plain(one) for one in answer]
    return answer.model_dump(mode='json') if hasattr(answer, 'model_dump') else answer


def told(error):
    """An error of the SDK: its class, and what the server has said."""
    if not isinstance(error, HttpRequestError):
        return {'type': type(error).__name__, 'message': str(error)}
    return {
        'type': type(error).__name__,
        'message': error.message,
        'status': error.response.status_code,
        'code': error.response.json().get('code'),
    }


def main():
    # What is refused is told, and need not be logged too.
    logging.getLogger('vonage').setLevel(logging.CRITICAL)
    commands = backend(*sys.argv[1:])
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            said = {'answer': plain(commands[asked['command']](*asked['given']))}
        except Exception as error:
            said = {'failed': told(error)}
        print(json.dumps({'ref': asked['ref'], **said}), flush=True)


main()
